"""Which mass a feature belongs to (policy 7.3): the one of its clause, else the one last named, else pooled."""

from bisect import bisect_left

from emhwatch.tables.readings import ReadingRules
from emhwatch.text.grouping import Group
from emhwatch.text.mention import Mention
from emhwatch.text.statements import Statement
from emhwatch.types import Section

_LOOK = 12  #: mentions before a feature that are looked at
_BACK = 4  #: sentences that a feature may stand after its mass


def attach(statements: list[Statement], mentions: list[Mention], groups: list[Group], rules: ReadingRules) -> None:
    """Set `mass` and `pooled` of every statement about a mass; drop features of other organs."""
    by_scene: dict[int, list[Mention]] = {}
    for mention in mentions:
        by_scene.setdefault(mention.scene.index, []).append(mention)
    own = sorted((m for group in groups for m in group.mentions), key=lambda m: m.hit.start)
    places = [m.hit.start for m in own]
    for statement in statements:
        if statement.key not in rules.of_mass and statement.kind not in ("biopsy", "histology"):
            continue
        here = by_scene.get(statement.scene.index, [])
        nearest = min(here, key=lambda m: _distance(m, statement), default=None)
        if nearest is not None and nearest.group is not None:
            _assign(statement, nearest, groups)
        elif _of_other_organ(statement, nearest):
            statement.drop = statement.drop or statement.kind == "context"
        else:
            _look_back(statement, _before(own, places, statement.hit.start), groups)


def _distance(mention: Mention, statement: Statement) -> int:
    gap = mention.hit.gap(statement.hit)
    return gap if mention.hit.start <= statement.hit.start else gap + (0 if gap <= 3 else 2)


def _assign(statement: Statement, nearest: Mention, groups: list[Group]) -> None:
    if nearest.pointer and len(groups) > 1 and _plural(nearest):
        statement.pooled = True
        return
    statement.mass = nearest.group


def _plural(mention: Mention) -> bool:
    words = mention.scene.layout.words[mention.hit.start : mention.hit.end]
    return not mention.scene.language.lists["plural_pointers"].isdisjoint(words)


def _of_other_organ(statement: Statement, nearest: Mention | None) -> bool:
    if nearest is not None and nearest.elsewhere:
        return True
    scene = statement.scene
    organs = scene.roles["organs"]
    organ = scene.nearest(statement.hit, organs)
    if organ is None:
        organ = next((hit for hit in scene.topic if not organs.isdisjoint(hit.terms)), None)
        return organ is not None
    spinal = scene.nearest(statement.hit, scene.roles["spinal"])
    return spinal is None or organ.gap(statement.hit) < spinal.gap(statement.hit)


def _look_back(statement: Statement, earlier: list[Mention], groups: list[Group]) -> None:
    before = [m for m in earlier if m.section is statement.scene.section]
    if before and statement.scene.index - before[-1].scene.index <= _BACK:
        last = before[-1]
        in_sentence = {m.group for m in before if m.scene is last.scene}
        if len(in_sentence) > 1:
            statement.pooled = True
        else:
            statement.mass = last.group
    elif len(groups) == 1 and statement.scene.section is not Section.REQUEST:
        statement.mass = 0
    elif len(groups) > 1:
        statement.pooled = True


def _before(own: list[Mention], places: list[int], start: int) -> list[Mention]:
    at = bisect_left(places, start)
    return own[max(0, at - _LOOK) : at]
