"""From mentions, statements and groups to the findings and masses of a reading."""

from collections.abc import Iterator

from emhwatch.model.reading import Finding, TextMass
from emhwatch.tables.readings import ReadingRules
from emhwatch.text import derive
from emhwatch.text.assertion import Assertion
from emhwatch.text.grouping import Group
from emhwatch.text.mention import Mention, is_past
from emhwatch.text.nature import Nature
from emhwatch.text.scene import Scene
from emhwatch.text.statements import Statement
from emhwatch.types import Certainty, Section, Side, Temporality, Value

_CERTAINTY = {Value.ABSENT: Certainty.NEGATED, Value.POSSIBLE: Certainty.HEDGED}


def masses_of(groups: list[Group], natures: list[Nature], rules: ReadingRules) -> tuple[TextMass, ...]:
    """The masses in the order of the report."""
    instead = {nature.group: nature.value for nature in natures if nature.whole}
    return tuple(_mass(index, group, instead.get(index), rules) for index, group in enumerate(groups))


def _mass(index: int, group: Group, instead: Value | None, rules: ReadingRules) -> TextMass:
    lead = group.lead()
    start, end, text = lead.scene.span(lead.hit.start, lead.hit.end)
    return TextMass(
        index=index,
        value=instead or group.value(),
        site_keys=derive.site_keys(group, rules),
        site_class=group.site_class,
        side=group.side,
        levels=group.levels,
        size_mm=derive.size_of(group),
        count=derive.count_of(group),
        start=start,
        end=end,
        text=text,
        section=lead.section,
        temporality=Temporality.HISTORICAL if all(map(is_past, group.mentions)) else lead.assertion.temporality,
        cue=lead.scene.cue(lead.assertion, f"mass:{lead.noun}"),
    )


def of_denials(denials: list[Mention], rules: ReadingRules, kind: str) -> Iterator[Finding]:
    """Denials of a mass that name its region (policy 3.3)."""
    for mention in denials:
        named = [site for site in mention.sites if site.site_class != "none" or site.region]
        if named:
            regions = tuple(sorted({region for site in named if (region := site.region or site.key)}))
            yield _of_mention(mention, rules.roles["mass"], mention.value, regions=regions)
            if key := derive.noun_key(mention, rules, kind):
                yield _of_mention(mention, key, mention.value, regions=regions)


def of_groups(groups: list[Group], natures: list[Nature], rules: ReadingRules, kind: str) -> Iterator[Finding]:
    """One finding for each mention of a mass, and the keys of the mass as a whole."""
    replaced = {nature.group for nature in natures if nature.whole}
    for index, group in enumerate(groups):
        if index in replaced:
            continue
        for mention in group.mentions:
            if mention.sites:
                yield _of_mention(mention, rules.roles["mass"], mention.value)
        if group.value() is not Value.ABSENT:
            for key, value, mention in derive.derived(group, rules, kind):
                size = derive.size_of(group) if key == rules.roles["size"] else None
                yield _of_mention(mention, key, value, levels=group.levels, side=group.side, size=size)


def _of_mention(
    mention: Mention,
    key: str,
    value: Value,
    *,
    regions: tuple[str, ...] = (),
    levels: tuple[str, ...] | None = None,
    side: Side | None = None,
    size: float | None = None,
) -> Finding:
    scene = mention.scene
    start, end, text = scene.span(mention.hit.start, mention.hit.end)
    return Finding(
        key=key,
        value=value,
        start=start,
        end=end,
        text=text,
        section=scene.section,
        certainty=mention.assertion.certainty,
        temporality=_time(scene, mention.assertion),
        experiencer=mention.assertion.experiencer,
        levels=mention.levels if levels is None else levels,
        side=side or mention.side,
        size_mm=size if size is not None else mention.size,
        regions=regions,
        mass=mention.group,
        cue=scene.cue(mention.assertion, f"mass:{mention.noun}"),
    )


def of_statements(statements: list[Statement]) -> Iterator[Finding]:
    """Statements that were kept, each once."""
    seen: set[tuple[str, int, int, Value]] = set()
    for statement in statements:
        scene = statement.scene
        start, end, text = scene.span(statement.start, statement.end)
        identity = (statement.key, start, end, statement.value)
        if statement.drop or identity in seen:
            continue
        seen.add(identity)
        yield Finding(
            key=statement.key,
            value=statement.value,
            start=start,
            end=end,
            text=text,
            section=scene.section,
            certainty=_CERTAINTY.get(statement.value, statement.assertion.certainty),
            temporality=_time(scene, statement.assertion),
            experiencer=statement.assertion.experiencer,
            size_mm=statement.size,
            mass=statement.mass,
            pooled=statement.pooled,
            cue=scene.cue(statement.assertion, statement.rule),
            rank=statement.rank,
        )


def _time(scene: Scene, assertion: Assertion) -> Temporality:
    if scene.section is Section.COMPARISON and assertion.temporality is Temporality.CURRENT:
        return Temporality.HISTORICAL
    return assertion.temporality


def newest(findings: list[Finding]) -> list[Finding]:
    """An addendum replaces what it conflicts with (policy 2.6)."""
    late = {(f.key, f.mass) for f in findings if f.section is Section.ADDENDUM and f.value is not Value.UNKNOWN}
    keys = {key for key, _ in late}
    of_all = {key for key, mass in late if mass is None}

    def replaced(finding: Finding) -> bool:
        key, mass = finding.key, finding.mass
        return (key, mass) in late or key in of_all or (mass is None and key in keys)

    return [f for f in findings if f.section is Section.ADDENDUM or not replaced(f)]
