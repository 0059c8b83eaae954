"""Which rows of a decision table can fire, and which cases no row fits; by cutting boxes of input values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from emhwatch.tables.rules import NUMBER, Condition, Input, Rule, RuleTable

#: The values that each input can still have.
Box: TypeAlias = Mapping[str, frozenset[Input]]


def space(table: RuleTable, inputs: Mapping[str, Sequence[str]], optional: Iterable[str] = ()) -> Box:
    """All values of all inputs: words as listed, numbers at both sides of every limit, and unknown where it may be."""
    values: dict[str, frozenset[Input]] = {}
    for name, words in inputs.items():
        found: set[Input] = {word for word in words if word != NUMBER}
        if NUMBER in words:
            limits = {limit for c in _conditions(table, name) for limit in (c.least, c.most) if limit is not None}
            found |= {limit + step for limit in limits | {0} for step in (-1, 0, 1)} | {None}
        if name in optional:
            found.add(None)
        values[name] = frozenset(found)
    return values


def never_fires(table: RuleTable, everything: Box) -> list[Rule]:
    """Rows that earlier rows always take the place of."""
    found = []
    earlier: list[Box] = []
    for rule in table.rules:
        box = _box(rule, everything)
        if not _left([box], earlier):
            found.append(rule)
        earlier.append(box)
    return found


def gap(table: RuleTable, everything: Box) -> dict[str, Input] | None:
    """A case that no row fits; None when every case is decided."""
    left = _left([everything], [_box(rule, everything) for rule in table.rules])
    if not left:
        return None
    return {name: sorted(values, key=str)[0] for name, values in left[0].items() if values != everything[name]}


def _conditions(table: RuleTable, name: str) -> list[Condition]:
    return [c for rule in table.rules for c in rule.conditions if c.input == name]


def _box(rule: Rule, everything: Box) -> Box:
    box = dict(everything)
    for condition in rule.conditions:
        box[condition.input] = frozenset(value for value in box[condition.input] if condition.holds(value))
    return box


def _left(boxes: list[Box], taken: Iterable[Box]) -> list[Box]:
    left = [box for box in boxes if all(box.values())]
    for other in taken:
        left = [part for box in left for part in _without(box, other)]
    return left


def _without(box: Box, other: Box) -> list[Box]:
    """What remains of a box when another is cut out of it."""
    if any(not box[name] & other[name] for name in box):
        return [box]
    parts: list[Box] = []
    rest = dict(box)
    for name, values in box.items():
        if outside := values - other[name]:
            parts.append({**rest, name: outside})
        rest[name] = values & other[name]
    return parts
