"""A site's own folder, laid over the shipped tables by the rules of `mappings/overlay.csv`; the rest is refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

PATH = "mappings/overlay.csv"
COLUMNS = ("file", "mode", "key", "columns", "only", "why")
MODES = ("add", "replace", "change", "merge")
_BOUND = re.compile(r"(\S+?)(<=|>=)(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Bound:
    """How far the value of one row may move."""

    row: str
    sign: str
    limit: int

    def holds(self, value: str) -> bool:
        """Whether a site may write this value."""
        if not value.isdecimal():
            return False
        return int(value) <= self.limit if self.sign == "<=" else int(value) >= self.limit


@dataclass(frozen=True, slots=True)
class Rule:
    """What may be laid over the files that fit a pattern."""

    file: str
    mode: str
    key: tuple[str, ...]  #: columns; `*` means the whole row
    columns: tuple[str, ...]  #: that may change; empty: all
    only: tuple[Bound, ...]  #: rows that may change; empty: all
    why: str

    def key_of(self, cells: Mapping[str, str]) -> tuple[str, ...]:
        """What tells a row apart from the others."""
        names = tuple(cells) if self.key == ("*",) else self.key
        return tuple(cells.get(name, "") for name in names)

    def fault(self, ours: Mapping[str, str] | None, cells: Mapping[str, str], needed: Sequence[str]) -> str | None:
        """Why a row of the site is refused; None when it is allowed. `ours`: the shipped row of the same key."""
        if ours is None:
            if self.mode == "change":
                return "there is no such row, and none may be added here"
            return next((f"column {name} is missing" for name in needed if name not in cells), None)
        if self.mode == "add":
            return "the row is one of ours and may not be changed"
        changed = {name for name, value in cells.items() if ours.get(name) != value}
        if self.columns and (locked := sorted(changed - set(self.columns))):
            return f"column {locked[0]} may not be changed by a site"
        if not self.only or not changed:
            return None
        bound = next((b for b in self.only if b.row == cells.get(self.key[0])), None)
        if bound is None:
            return "the policy does not leave this row to a site"
        if not bound.holds(cells[self.columns[0]]):
            return f"outside what the policy leaves to a site ({bound.sign} {bound.limit})"
        return None


def rule_for(rules: Sequence[Rule], path: str) -> Rule | None:
    """The rule of one file; None when it may not be laid over."""
    return next((rule for rule in rules if fnmatchcase(path, rule.file)), None)


def parse_bound(word: str) -> Bound | None:
    """`dedup<=90`; None when it is not a bound."""
    match = _BOUND.match(word)
    return Bound(match[1], match[2], int(match[3])) if match else None


def merge(ours: dict[str, object], site: Mapping[str, object]) -> dict[str, object]:
    """TOML of the site over ours, field by field; lists are joined."""
    merged = dict(ours)
    for name, value in site.items():
        mine = merged.get(name)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            merged[name] = merge(mine, value)
        elif isinstance(mine, list) and isinstance(value, list):
            merged[name] = [*mine, *value]
        else:
            merged[name] = value
    return merged


def locked_fields(ours: Mapping[str, object], site: Mapping[str, object], free: Sequence[str]) -> list[str]:
    """Fields that the site sets and may not; a new block is allowed, in one of ours only the `free` fields."""
    locked = []
    for name, value in site.items():
        mine = ours.get(name)
        if isinstance(value, Mapping) and isinstance(mine, Mapping):
            locked += [f"{name}.{inner}" for inner in value if inner not in free]
        elif name not in free and not (isinstance(value, Mapping) and mine is None):
            locked.append(name)
    return locked
