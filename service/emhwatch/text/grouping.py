"""From mentions to masses: which mentions name the same one (policy 7.3)."""

from dataclasses import dataclass, field

from emhwatch.tables.readings import Site
from emhwatch.text.anatomy import merge_sides, overlap, union
from emhwatch.text.mention import Mention, is_past
from emhwatch.types import Section, Side, Value

_MOST = 16  #: masses told apart in one report; what comes after belongs to the last one
_STRENGTH = {Value.PRESENT: 3, Value.POSSIBLE: 2, Value.ABSENT: 1, Value.UNKNOWN: 0}


@dataclass(slots=True, eq=False)
class Group:
    """Mentions of one mass."""

    mentions: list[Mention] = field(default_factory=list)
    sites: dict[str, Site] = field(default_factory=dict)
    side: Side | None = None
    levels: tuple[str, ...] = ()
    denied: bool = False  #: an addendum denies it

    def add(self, mention: Mention) -> None:
        """Take in one more mention."""
        self.mentions.append(mention)
        for site in mention.sites:
            self.sites.setdefault(site.term, site)
        sides = [side for side in (self.side, mention.side) if side is not None]
        self.side = merge_sides(sides)
        self.levels = union(self.levels, mention.levels)

    @property
    def site_class(self) -> str | None:
        """A1 when a part is of class A1."""
        classes = {site.site_class for site in self.sites.values()}
        return "A1" if "A1" in classes else "A2" if "A2" in classes else None

    def value(self) -> Value:
        """A of this mass: an addendum replaces, else the strongest statement; a past mention alone is possible."""
        if self.denied:
            return Value.ABSENT
        late = [m for m in self.mentions if m.section is Section.ADDENDUM]
        current = [m for m in late or self.mentions if not is_past(m)]
        if current:
            return max((m.value for m in current), key=_STRENGTH.__getitem__)
        past = max((m.value for m in self.mentions), key=_STRENGTH.__getitem__)
        return Value.POSSIBLE if past is Value.PRESENT else past

    def lead(self) -> Mention:
        """The mention that stands for the mass: the strongest, first one that names a site."""
        return max(self.mentions, key=lambda m: (not is_past(m), _STRENGTH[m.value], bool(m.sites), -m.hit.start))


def group_mentions(mentions: list[Mention]) -> list[Group]:
    """Groups in the order of the report."""
    groups: list[Group] = []
    last: Group | None = None
    for mention in mentions:
        group = _match(mention, groups, last)
        if group is None and len(groups) == _MOST:
            group = last
        if group is None:
            if mention.site_class is None:
                continue
            group = Group()
            groups.append(group)
        group.add(mention)
        last = group
    groups = _joined(groups)
    for index, group in enumerate(groups):
        for mention in group.mentions:
            mention.group = index
    return groups


def _match(mention: Mention, groups: list[Group], last: Group | None) -> Group | None:
    order = [last] if last is not None else []
    order += [group for group in reversed(groups) if group is not last]
    fitting = [group for group in order if _fits(mention, group)]
    if mention.site_class is None:
        return fitting[0] if fitting else None
    if mention.another and fitting:
        same = [g for g in fitting if mention.levels and g.levels and overlap(mention.levels, g.levels)]
        return same[0] if same and mention.section is not Section.FINDINGS else None
    exact = [g for g in fitting if g.side == mention.side and g.levels and mention.levels]
    return exact[0] if exact else fitting[0] if fitting else None


def _fits(mention: Mention, group: Group) -> bool:
    if not overlap(mention.levels, group.levels):
        return False
    if mention.side and group.side and mention.side is not group.side:
        one_sentence = group.mentions[-1].scene is mention.scene
        if Side.BILATERAL not in (mention.side, group.side) and Side.MIDLINE not in (mention.side, group.side):
            return one_sentence and not mention.another
    if mention.sites and mention.site_class and group.site_class and mention.site_class != group.site_class:
        return _part(mention, group)
    return True


def _part(mention: Mention, group: Group) -> bool:
    """A mention of class A2 is a part of an A1 mass when it is epidural, or in the same sentence; else its own."""
    if group.mentions[-1].scene is mention.scene:
        return True
    terms = {site.term for site in mention.sites} | set(group.sites)
    return mention.scene.roles["own_place"].isdisjoint(terms)


def _joined(groups: list[Group]) -> list[Group]:
    """A right and a left mass that the impression calls bilateral are one."""
    for group in groups:
        summary = [m for m in group.mentions if m.section is Section.IMPRESSION and m.side is Side.BILATERAL]
        if not summary:
            continue
        others = [
            g
            for g in groups
            if g is not group and g.side in (Side.LEFT, Side.RIGHT) and overlap(g.levels, group.levels)
        ]
        for other in others:
            if other.site_class == group.site_class:
                for mention in other.mentions:
                    group.add(mention)
                groups = [g for g in groups if g is not other]
    return groups
