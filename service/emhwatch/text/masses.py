"""Mentions of a mass: noun and site stand apart and in any order (policy 3.1, 3.2)."""

import re
from dataclasses import dataclass, field

from emhwatch.tables.readings import Noun, ReadingRules, Site
from emhwatch.text.anatomy import levels_in, merge_sides, size_in
from emhwatch.text.assertion import PLAIN, Assertion
from emhwatch.text.scene import Hit, Scene, is_fact, value_of
from emhwatch.types import Certainty, Experiencer, Section, Side, Temporality, Value

SIDES = {"right": Side.RIGHT, "left": Side.LEFT, "bilateral": Side.BILATERAL, "midline": Side.MIDLINE}
_DIGIT = re.compile(r"\d")
_MOST = 20  #: nouns of one sentence that are looked at, which bounds the work
_NUMBER_REACH = 8  #: words between a number and the noun that it counts
_PLANS = frozenset(("planned",))
_BESIDE = 2  #: words between "new" and its noun at most
_FAR = 14  #: words between noun and site at most
_OUTSIDE = 5  #: cost of a site beyond the next noun


@dataclass(slots=True, eq=False)
class Mention:
    """A noun for a mass in one sentence."""

    scene: Scene
    hit: Hit
    value: Value
    assertion: Assertion
    noun: str
    noun_key: str
    sites: list[Site] = field(default_factory=list)
    regional: bool = False  #: some site was named, of class A or not
    elsewhere: bool = False  #: the site is none of policy 3.1
    side: Side | None = None
    levels: tuple[str, ...] = ()
    size: float | None = None
    many: bool = False
    count: int | None = None
    another: bool = False
    thoracic: bool = False
    low: bool = False
    mid: bool = False
    lumbar: bool = False
    whole: bool = False
    pointer: bool = False  #: "the mass", "it": names a mass that was named before
    group: int | None = None

    @property
    def site_class(self) -> str | None:
        """A1 when a part is of class A1."""
        classes = {site.site_class for site in self.sites}
        return "A1" if "A1" in classes else "A2" if "A2" in classes else None

    @property
    def section(self) -> Section:
        """Section of the sentence."""
        return self.scene.section


def mentions_in(scene: Scene, rules: ReadingRules, kind: str, before: Scene | None) -> list[Mention]:
    """All mentions of a sentence, wherever they are; `before` may lend its region to a bare denial."""
    if rules.named.isdisjoint(scene.terms) and not scene.has("pointer"):
        return []
    nouns = [(hit, noun) for hit in scene.hits if (noun := _noun(scene, hit, rules, kind)) is not None][:_MOST]
    pointers = scene.with_role("pointer")
    found: list[Mention] = []
    taken = {hit.start for hit, _ in nouns}
    edges = _zones(scene, [hit for hit, _ in nouns])
    for (hit, noun), zone in zip(nouns, edges, strict=True):
        found.append(_mention(scene, hit, noun, zone, kind, before))
    for hit in pointers:
        if hit.start not in taken and not found:
            blank = Noun("", Value.PRESENT, Value.PRESENT, "")
            mention = _mention(scene, hit, blank, (scene.sentence.start, scene.sentence.end), kind, None)
            mention.pointer = True
            if mention.elsewhere:  # "the masses do not erode the vertebral bodies": what it touches, not where it is
                mention.elsewhere = mention.regional = False
                mention.sites = []
            found.append(mention)
            break
    return found


def _noun(scene: Scene, hit: Hit, rules: ReadingRules, kind: str) -> Noun | None:
    label = scene.sentence.topic
    if label is not None and hit.meaning.structure is not None and label[0] <= hit.start < label[1]:
        return None  # "Paraspinal shadows: no widening" names a place
    best: Noun | None = None
    for term in hit.terms:
        noun = rules.nouns.get(term)
        if noun is None or _plain(noun, kind) is None:
            continue
        if best is None or _plain(noun, kind) is Value.PRESENT:
            best = noun
    return best


def _plain(noun: Noun, kind: str) -> Value | None:
    return noun.film if kind == "film" else noun.value


def _zones(scene: Scene, hits: list[Hit]) -> list[tuple[int, int]]:
    """The words that belong to each noun: up to the last comma or conjunction before the next noun."""
    words = scene.layout.words
    begin = scene.sentence.start
    zones = []
    for index, hit in enumerate(hits):
        stop = scene.sentence.end
        if index + 1 < len(hits):
            stop = hits[index + 1].start
            for at in range(stop - 1, hit.end - 1, -1):
                if words[at] in scene.language.lists["splits"]:
                    stop = at
                    break
        zones.append((begin, stop))
        begin = stop
    return zones


def _mention(scene: Scene, hit: Hit, noun: Noun, zone: tuple[int, int], kind: str, before: Scene | None) -> Mention:
    assertion = _of_the_mass(scene, hit, scene.judge(hit.start, hit.end))
    value = value_of(assertion)
    plain = _plain(noun, kind) or Value.PRESENT
    mention = Mention(scene, hit, value, assertion, noun.term, noun.key)
    _describe(mention, zone)
    measured = mention.size and not scene.roles["measured"].isdisjoint(hit.terms)
    if value is Value.PRESENT and plain is Value.POSSIBLE and not measured:
        mention.value = Value.ABSENT if _called_normal(scene, hit) else Value.POSSIBLE
    _locate(mention, zone, before, kind)
    return mention


def _called_normal(scene: Scene, hit: Hit) -> bool:
    """Whether a word that alone is no mass is called normal ("the paravertebral shadows are normal")."""
    near = [cue for cue in scene.cues if cue.row.effect == "normal" and scene.linked(hit, cue)]
    if hit.meaning.structure is None:  # "left basal opacity, the heart is normal"
        near = [cue for cue in near if cue.start == hit.end or hit.start - _BESIDE <= cue.end <= hit.start]
    return bool(near)


def _of_the_mass(scene: Scene, hit: Hit, assertion: Assertion) -> Assertion:
    """A hedge or plan whose object is a biopsy says nothing about the mass ("we suggest sampling of the mass")."""
    cue = assertion.cue
    if cue is not None and assertion.certainty is not Certainty.NEGATED:
        for sample in scene.with_role("biopsy"):
            if cue.end <= sample.start and sample.end <= hit.start:
                return PLAIN
    return assertion._replace(effects=assertion.effects - _PLANS) if assertion.effects & _PLANS else assertion


def _describe(mention: Mention, zone: tuple[int, int]) -> None:
    """Side, levels, size and number from the words of the noun's zone."""
    scene, hit = mention.scene, mention.hit
    start, end = zone
    inside = [other for other in scene.hits if start <= other.start < end]
    roles: set[str] = set().union(*[other.meaning.roles for other in inside])
    mention.side = merge_sides([side for role, side in SIDES.items() if role in roles])
    words = scene.layout.words
    if _DIGIT.search(" ".join(words[start:end])) or not scene.language.ordinals.keys().isdisjoint(words[start:end]):
        mention.levels, places = levels_in(scene.language, words, start, end)
        if any(0 <= at - other.end <= _BESIDE for at in places for other in scene.with_role("deficit")):
            mention.levels = ()  # "sensory level at T10" is no level of a mass (policy 6.1)
        sizes = [found for found in size_in(scene.language, words, start, end) if not _of_organ(scene, found[0], hit)]
        mention.size = max(_current(scene, sizes), default=None)
    mention.thoracic = "thoracic" in roles
    mention.low = "low" in roles
    mention.mid = "mid" in roles
    mention.lumbar = "lumbar" in roles
    mention.whole = "whole" in roles
    mention.another = "another" in roles
    near: set[str] = set().union(*[other.meaning.roles for other in inside if other.gap(hit) <= _NUMBER_REACH])
    mention.many = "many" in roles or "number" in near
    if "two" in near:
        mention.count = 2


def _current(scene: Scene, sizes: list[tuple[int, float]]) -> list[float]:
    """Sizes without those that a word of the past stands before, or after at the end ("2.1 cm, previously 3.4 cm")."""
    past = [cue for cue in scene.cues if cue.row.effect == "historical"] if len(sizes) > 1 else []
    current, begin = [], scene.sentence.start
    for number, (at, size) in enumerate(sizes):
        last = number + 1 == len(sizes)
        if not any(
            begin <= cue.start < at or (last and cue.start == at + 1) for cue in past if number or cue.start > at
        ):
            current.append(size)
        begin = at + 1
    return current or [size for _, size in sizes]


def _of_organ(scene: Scene, at: int, noun: Hit) -> bool:
    """Whether a size stands closer to another organ than to the noun."""
    gap = abs(at - noun.start)
    return any(abs(at - other.start) < gap for other in scene.with_role("organs") if other.start < at)


def _locate(mention: Mention, zone: tuple[int, int], before: Scene | None, kind: str) -> None:
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


def counts(mention: Mention) -> bool:
    """Whether the mention states something about this patient's body now or before."""
    return (
        is_fact(mention.assertion)
        and mention.assertion.experiencer is Experiencer.PATIENT
        and mention.section not in (Section.OTHER, Section.TECHNIQUE)
    )


def denies_region(mention: Mention, rules: ReadingRules) -> bool:
    """Whether "no mass" speaks of the whole region: "no new mass" and "this mass is not" leave one that was named.

    A mediastinum that is "not widened" on a film says nothing about a mass beside the spine (policy 2.2).
    """
    noun = rules.nouns.get(mention.noun)
    if noun is not None and noun.value is None and all(site.site_class == "none" for site in mention.sites):
        return False
    words = [other for other in mention.scene.with_role("further") if other.start < mention.hit.start]
    return mention.regional and not mention.pointer and all(word.gap(mention.hit) > _BESIDE for word in words)


def is_past(mention: Mention) -> bool:
    """Told as past, or only in the request or among earlier studies."""
    return mention.assertion.temporality is Temporality.HISTORICAL or mention.section in (
        Section.REQUEST,
        Section.COMPARISON,
    )
