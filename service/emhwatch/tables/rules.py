"""Decision tables: rows of conditions over named inputs; the first row that holds wins.

A cell is empty (any value), a list of allowed values (`present possible`), a list of values that are not allowed
(`!stat asap`), or a limit for a number (`>=4`, `<=2`, `<5`, `0-97`). A number that is known only as an interval must
keep the limit over the whole interval (policy 2.7); an unknown number keeps none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from emhwatch.tables.source import Row, TableFiles

#: Lowest and highest possible value of a number.
Bounds: TypeAlias = tuple[int, int]
Input: TypeAlias = str | int | Bounds | None
Inputs: TypeAlias = Mapping[str, Input]

#: Stands among the values of an input that can be a number.
NUMBER = "a number"

_LIMIT = re.compile(r"(<=|>=|<|>)(-?\d+)\Z")
_RANGE = re.compile(r"(\d+)-(\d+)\Z")
_SHIFT = {"<": -1, ">": 1}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one input must be."""

    input: str
    words: str  #: as authored
    allowed: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    least: int | None = None
    most: int | None = None

    def holds(self, value: Input) -> bool:
        """Whether the value fulfils the condition."""
        if self.least is None and self.most is None:
            return value in self.allowed if self.allowed else value not in self.forbidden
        if value is None or isinstance(value, str):
            return False
        low, high = value if isinstance(value, tuple) else (value, value)
        return (self.least is None or low >= self.least) and (self.most is None or high <= self.most)

    def __str__(self) -> str:
        return f"{self.input} {self.words}" if self.words[:1] in "<>!" else f"{self.input} in {self.words}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: all conditions must hold; `result` are the other columns."""

    conditions: tuple[Condition, ...]
    result: Mapping[str, str]
    line: int

    def failed(self, inputs: Inputs) -> Condition | None:
        """The first condition that does not hold."""
        for condition in self.conditions:
            if not condition.holds(inputs.get(condition.input)):
                return condition
        return None


@dataclass(frozen=True, slots=True)
class RuleTable:
    """Rows in order."""

    rules: tuple[Rule, ...]

    def first(self, inputs: Inputs) -> Rule | None:
        """The first row that holds."""
        return next((rule for rule in self.rules if rule.failed(inputs) is None), None)

    def all(self, inputs: Inputs) -> list[Rule]:
        """Every row that holds."""
        return [rule for rule in self.rules if rule.failed(inputs) is None]


def parse_condition(name: str, cell: str) -> Condition | None:
    """A cell to a condition; None for an empty cell."""
    cell = cell.strip()
    if not cell:
        return None
    if match := _LIMIT.match(cell):
        sign, number = match[1], int(match[2])
        number += _SHIFT.get(sign, 0)
        return Condition(name, cell, most=number) if "<" in sign else Condition(name, cell, least=number)
    if match := _RANGE.match(cell):
        return Condition(name, cell, least=int(match[1]), most=int(match[2]))
    if cell.startswith("!"):
        return Condition(name, cell, forbidden=frozenset(cell[1:].split()))
    return Condition(name, cell, allowed=frozenset(cell.split()))


def parse_table(files: TableFiles, path: str, inputs: Mapping[str, Sequence[str]], results: Sequence[str]) -> RuleTable:
    """Read a decision table. `inputs`: column -> the values it can take, `NUMBER` among them."""
    rules = []
    for row in files.csv(path, (*inputs, *results)):
        conditions = [parse_condition(name, row[name]) for name in inputs]
        found = tuple(condition for condition in conditions if condition)
        for condition in found:
            _check(files, row, condition, inputs[condition.input])
        rules.append(Rule(found, {name: row[name] for name in results}, row.line))
    return RuleTable(tuple(rules))


def _check(files: TableFiles, row: Row, condition: Condition, values: Sequence[str]) -> None:
    numeric = condition.least is not None or condition.most is not None
    unknown = (condition.allowed | condition.forbidden) - set(values)
    if numeric and NUMBER not in values:
        files.problem(row.file, row.line, condition.input, "a number where words stand", f"use {' '.join(values)}")
    elif not numeric and unknown:
        files.problem(
            row.file, row.line, condition.input, f"unknown value {sorted(unknown)[0]}", f"use {' '.join(values)}"
        )
