"""Keys that follow from a mass as a whole: site, side, number, level, size (policy 6.1)."""

from collections.abc import Iterator

from emhwatch.tables.readings import ReadingRules
from emhwatch.text.anatomy import part_of
from emhwatch.text.grouping import Group
from emhwatch.text.mention import Mention, is_past
from emhwatch.types import Certainty, Side, Value


def size_of(group: Group) -> float | None:
    """Largest diameter in mm; the newest statement wins over a past one."""
    current = [m.size for m in group.mentions if m.size and not is_past(m)]
    return max(current or [m.size for m in group.mentions if m.size], default=None)


def count_of(group: Group) -> int | None:
    """Number of separate masses when it was stated; 3 stands for several."""
    if any(m.many for m in group.mentions):
        return 3
    return max((m.count for m in group.mentions if m.count), default=None)


def site_keys(group: Group, rules: ReadingRules) -> tuple[str, ...]:
    """Site keys of a mass (policy 6.1, "Site")."""
    roles = rules.roles
    keys = {site.key for site in group.sites.values() if site.key}
    thoracic = (
        any(m.thoracic or m.low or m.mid for m in group.mentions)
        or part_of(group.levels, "T1", "T12")
        or roles["thoracic"] in keys
    )
    if group.site_class == "A1" and thoracic:
        keys.add(roles["thoracic"])
    elif roles["thoracic"] in keys and group.site_class != "A1":
        keys.discard(roles["thoracic"])
    if not thoracic and (any(m.lumbar for m in group.mentions) or part_of(group.levels, "L1", "L5")):
        keys.add(roles["lumbar"])
    if any(m.whole for m in group.mentions):
        keys.add(roles["whole_spine"])
        if group.site_class == "A1":
            keys.add(roles["thoracic"])
    return tuple(sorted(keys))


def noun_key(mention: Mention, rules: ReadingRules, kind: str) -> str:
    """The key that the noun of a mention sets: on a film that of its kind, else the noun's own; empty: none."""
    noun = rules.nouns.get(mention.noun)
    if kind == "film" and noun is not None and not mention.noun_key:
        return rules.roles["film_mass" if noun.film is Value.PRESENT else "film_density"]
    return mention.noun_key


def derived(group: Group, rules: ReadingRules, kind: str) -> Iterator[tuple[str, Value, Mention]]:
    """Keys of one mass with the mention that states each."""
    roles = rules.roles
    lead = group.lead()
    for key in site_keys(group, rules):
        yield key, Value.PRESENT, lead
    sides = [m for m in group.mentions if m.side is group.side] or [lead]
    if group.side is Side.BILATERAL:
        yield roles["bilateral"], Value.PRESENT, sides[0]
    elif group.side in (Side.LEFT, Side.RIGHT):
        yield roles["unilateral"], Value.PRESENT, sides[0]
    many = [m for m in group.mentions if m.many]
    wide = {site.term for site in group.sites.values()}
    if many or (group.site_class == "A1" and wide & lead.scene.roles["further_sites"] and len(wide) > 1):
        yield roles["multiplicity"], Value.PRESENT, (many or [lead])[0]
    low = [m for m in group.mentions if m.low or m.whole or part_of(m.levels, "T7", "T12")]
    if low or part_of(group.levels, "T7", "T12"):
        yield roles["level_low"], Value.PRESENT, (low or [lead])[0]
    mid = [m for m in group.mentions if m.mid]
    if mid:
        yield roles["level_mid"], Value.PRESENT, mid[0]
    size = size_of(group)
    sized = [m for m in group.mentions if size and m.size == size]
    if sized:
        yield roles["size"], Value.PRESENT, sized[0]
    worded = {key: m for m in reversed(group.mentions) if (key := noun_key(m, rules, kind))}
    for key, mention in worded.items():
        unsure = is_past(mention) or mention.assertion.certainty is Certainty.HEDGED
        yield key, Value.POSSIBLE if unsure else Value.PRESENT, mention
    cysts = [m for m in group.mentions if m.noun in m.scene.roles["cyst"]]
    if cysts:
        yield roles["cyst"], cysts[0].value, cysts[0]
