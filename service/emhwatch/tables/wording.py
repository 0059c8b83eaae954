"""Texts that depend on a situation: conditions written in TOML, and which of several texts fits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from emhwatch.tables.rules import NUMBER, Condition, parse_condition
from emhwatch.tables.source import TableFiles

#: What is known of one input: all its values, a number, or nothing.
Known: TypeAlias = frozenset[str] | float | None
Situation: TypeAlias = Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class When:
    """Alternatives of conditions; without any it always holds."""

    any: tuple[tuple[Condition, ...], ...] = ()

    def holds(self, situation: Situation) -> bool:
        """Whether one alternative holds."""
        if not self.any:
            return True
        for each in self.any:
            for condition in each:
                if not _holds(condition, situation.get(condition.input)):
                    break
            else:
                return True
        return False


_NOTHING: frozenset[str] = frozenset()


def _holds(condition: Condition, known: Known) -> bool:
    if condition.least is not None or condition.most is not None:
        return isinstance(known, float | int) and condition.holds(math.floor(known))
    values = known if isinstance(known, frozenset) else _NOTHING
    return not condition.allowed.isdisjoint(values) if condition.allowed else condition.forbidden.isdisjoint(values)


@dataclass(frozen=True, slots=True)
class Text:
    """Words with `{placeholders}` and when they are said."""

    when: When
    text: str

    def fits(self, situation: Situation) -> bool:
        """Whether it is said now."""
        return self.when.holds(situation)


class WhenParser:
    """Reads `when` and `any` of a TOML entry and checks the names and values that they use."""

    def __init__(self, files: TableFiles, path: str, values: Mapping[str, Sequence[str]]) -> None:
        self._files, self._path, self._values = files, path, values

    def parse(self, entry: Mapping[str, Any], name: str) -> When:
        """The condition of one entry; problems go to the files."""
        given = [*([entry["when"]] if "when" in entry else []), *entry.get("any", ())]
        alternatives = []
        for table in given:
            if not isinstance(table, dict):
                self._problem(name, "a condition is not a table", 'write { input = "values" }')
                continue
            conditions = [parse_condition(key, str(cell)) for key, cell in table.items()]
            found = tuple(condition for condition in conditions if condition)
            for condition in found:
                self._check(name, condition)
            alternatives.append(found)
        return When(tuple(alternatives))

    def _check(self, name: str, condition: Condition) -> None:
        known = self._values.get(condition.input)
        if known is None:
            self._problem(name, f"unknown input {condition.input}", "use an input of the card or a policy key")
            return
        numeric = condition.least is not None or condition.most is not None
        if numeric != (NUMBER in known):
            self._problem(name, f"{condition.input} has another kind of value", f"use {' '.join(known)}")
        elif not numeric and (wrong := (condition.allowed | condition.forbidden) - set(known)):
            self._problem(name, f"unknown value {sorted(wrong)[0]}", f"use {' '.join(known)}")

    def _problem(self, name: str, problem: str, remedy: str) -> None:
        self._files.problem(self._path, 0, name, problem, remedy)
