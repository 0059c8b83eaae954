"""Where a mass is: the site that stands closest to its noun, and those joined to it (policy 3.1, 3.3)."""

from emhwatch.tables.readings import Site
from emhwatch.text.mention import Mention
from emhwatch.text.scene import Hit, Scene
from emhwatch.types import Certainty, Value

_FAR = 14  #: words between noun and site at most
_OUTSIDE = 5  #: cost of a site beyond the next noun


def locate(mention: Mention, zone: tuple[int, int], before: Scene | None, kind: str) -> None:
    """Find the site of the noun: the closest one, and those joined to it in a list."""
    scene, hit = mention.scene, mention.hit
    sites = [(other, site) for other in scene.hits if (site := other.meaning.site) is not None]
    candidates = [(other, site) for other, site in sites if not site.film or kind == "film"]
    touching = [other.start for other in scene.with_role("touches")]  # "mass displacing the lung"
    priced = []
    for other, site in candidates:
        cost = other.gap(hit)
        if not zone[0] <= other.start < zone[1]:
            cost += _OUTSIDE
        if other.start >= hit.end and any(hit.end <= at < other.start for at in touching):
            cost += _OUTSIDE
        if cost <= _FAR + _OUTSIDE:
            priced.append((cost, other.start, other, site))
    if not priced:
        _from_label(mention, before)
        return
    _, _, best, _ = min(priced, key=lambda item: item[:2])
    chosen = _joined(scene, best, candidates)
    if all(site.site_class == "none" for site in chosen):  # such a site counts when the mass reaches the spine (3.1)
        chosen += [
            site
            for other, site in candidates
            if site.site_class == "A1"
            and hit.end <= other.start < zone[1]
            and any(hit.end <= at < other.start for at in touching)
            and scene.judge(other.start, other.end).certainty is not Certainty.NEGATED
        ]
    mention.regional = True
    mention.sites = [site for site in chosen if site.site_class in ("A1", "A2", "none")]
    _refine(mention, scene)
    mention.elsewhere = not any(site.site_class in ("A1", "A2") for site in mention.sites)


def _joined(scene: Scene, best: Hit, candidates: list[tuple[Hit, Site]]) -> list[Site]:
    """Sites in one list with `best` ("paravertebral, costovertebral and presacral")."""
    words = scene.layout.words
    joints = scene.language.lists["joints"]
    order = [hit for hit, _ in candidates]
    place = order.index(best)
    keep = {place}
    for step in (-1, 1):
        at = place
        while 0 <= at + step < len(order):
            low, high = sorted((order[at], order[at + step]), key=lambda item: item.start)
            between = words[low.end : high.start]
            if len(between) > 5 or not all(word in joints for word in between):
                break
            at += step
            keep.add(at)
    return [candidates[index][1] for index in sorted(keep)]


def _refine(mention: Mention, scene: Scene) -> None:
    """Rules of policy 3.1 on sites that count only together with the spine."""
    classes = {site.site_class for site in mention.sites}
    spinal = scene.has("spine") or bool(mention.levels) or "A1" in classes
    kept = []
    for site in mention.sites:
        if site.term in scene.roles["only_at_spine"] and not spinal:
            continue
        kept.append(site)
    if any(site.term in scene.roles["pleural"] for site in kept):
        kept = [site for site in kept if site.term in scene.roles["with_pleural"]]
    mention.sites = kept


def _from_label(mention: Mention, before: Scene | None) -> None:
    """Region from the label of the line, or for a bare denial from the sentence before (policy 3.3)."""
    hits = mention.scene.topic
    unlabelled = mention.scene.sentence.topic is None
    if (
        unlabelled
        and not hits
        and mention.value is Value.ABSENT
        and before is not None
        and before.section is mention.section
    ):
        hits = before.hits
    sites = [site for hit in hits if (site := hit.meaning.site) is not None]
    if sites:
        mention.regional = True
        mention.sites = [site for site in sites if site.site_class in ("A1", "A2", "none")]
        mention.elsewhere = not any(site.site_class in ("A1", "A2") for site in mention.sites)
