"""Points for and against EMH (policy 6.1, 6.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emhwatch.tables.decision import DecisionTables
from emhwatch.tables.keys import KeyTables
from emhwatch.tables.scores import OpposingRule
from emhwatch.types import Grade, Value

_HINTED = (Value.PRESENT, Value.POSSIBLE)
_BY_B = (Grade.B1, Grade.B2)


@dataclass(frozen=True, slots=True)
class Scored:
    """One line of the scoring sheet."""

    key: str
    group: str
    points: int
    value: Value


@dataclass(frozen=True, slots=True)
class Score:
    """C, D and whether an opposing item is major."""

    supporting: int
    opposing: int
    major: bool
    items: tuple[Scored, ...]

    @property
    def net(self) -> int:
        """N = C - D."""
        return self.supporting - self.opposing


def score(
    values: Mapping[str, Value],
    *,
    grade: Grade,
    grade_without: Callable[[str], Grade],
    tables: DecisionTables,
    keys: KeyTables,
) -> Score:
    """Score one mass; `values` are the patient's and the mass's keys together, `age_` keys included."""
    supporting, plus = _supporting(values, grade, grade_without, tables)
    against = _opposing(values, grade, tables, keys)
    major = any(item.points >= tables.constants["major_points"] for item in against)
    return Score(supporting, sum(item.points for item in against), major, (*plus, *against))


def _supporting(
    values: Mapping[str, Value], grade: Grade, grade_without: Callable[[str], Grade], tables: DecisionTables
) -> tuple[int, list[Scored]]:
    def counts(key: str) -> bool:
        if values.get(key) is not Value.PRESENT:
            return False
        return grade is not Grade.B2 or grade_without(key) in _BY_B  # a sole ground of B does not score again

    groups: dict[str, int] = {}
    caps: dict[str, int] = {}
    best: dict[tuple[str, ...], int] = {}
    items: list[Scored] = []
    for rule in tables.scores.supporting:
        caps[rule.group] = rule.cap
        found = [key for key in rule.keys if counts(key)]
        if len(found) < rule.count or any(values.get(key) in _HINTED for key in rule.silent_if):
            continue
        gain = rule.points - best.get(rule.keys, 0)
        if gain <= 0:
            continue
        best[rule.keys] = rule.points
        groups[rule.group] = groups.get(rule.group, 0) + gain
        items = [item for item in items if item.key not in found]
        items += [Scored(key, rule.group, rule.points if key == found[0] else 0, Value.PRESENT) for key in found]
    return sum(min(caps[group], points) for group, points in groups.items()), items


def _opposing(values: Mapping[str, Value], grade: Grade, tables: DecisionTables, keys: KeyTables) -> list[Scored]:
    hemolytic = grade is Grade.B1 and all(
        any(values.get(key) is Value.PRESENT for key in keys.role(role)) for role in ("hemolytic", "marrow-sign")
    )
    slots: dict[str, Scored] = {}
    for rule in tables.scores.opposing:
        points = _points(rule, values, reduced=hemolytic)
        kept = slots.get(rule.slot)
        if points and (kept is None or points > kept.points):
            slots[rule.slot] = Scored(rule.key, "D", points, values[rule.key])
    return list(slots.values())


def _points(rule: OpposingRule, values: Mapping[str, Value], *, reduced: bool) -> int:
    value = values.get(rule.key)
    if value not in _HINTED:
        return 0
    if any(values.get(key) is Value.PRESENT for key in rule.silent_if_present):
        return 0
    if any(values.get(key) in _HINTED for key in rule.silent_if_hinted):
        return 0
    points = rule.reduced if reduced else rule.points
    return points if value is Value.PRESENT else (points + 1) // 2
