"""`mappings/decision/supporting.csv` and `opposing.csv`: the scoring sheet (policy 6.1, 6.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emhwatch.tables.source import Row, TableFiles

SUPPORTING = "mappings/decision/supporting.csv"
OPPOSING = "mappings/decision/opposing.csv"


@dataclass(frozen=True, slots=True)
class SupportingRule:
    """Points for keys that are present."""

    group: str
    cap: int
    keys: tuple[str, ...]
    count: int
    points: int
    silent_if: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpposingRule:
    """Points for one key."""

    key: str
    points: int
    slot: str  #: of one slot only the highest item counts
    reduced: int  #: points in a hemolytic disease with a sign of marrow expansion
    silent_if_present: tuple[str, ...]
    silent_if_hinted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreTables:
    """The scoring sheet."""

    supporting: tuple[SupportingRule, ...]
    opposing: tuple[OpposingRule, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the sheet, once, in table order."""
        listed = [key for rule in self.supporting for key in rule.keys] + [rule.key for rule in self.opposing]
        return tuple(dict.fromkeys(listed))


def parse_scores(
    files: TableFiles, roles: Mapping[str, Sequence[str]], known: Iterable[str], major_points: int
) -> ScoreTables:
    """Read both tables; problems go to `files`."""
    names = frozenset(known)
    columns = ("group", "cap", "keys", "count", "points", "silent_if")
    supporting = tuple(_supporting(files, row, roles, names) for row in files.csv(SUPPORTING, columns))
    caps: dict[str, int] = {}
    for rule in supporting:
        if caps.setdefault(rule.group, rule.cap) != rule.cap:
            files.problem(SUPPORTING, 0, rule.group, "two caps for one group", "write the same cap in every row")
    columns = ("key", "points", "major", "slot", "reduced", "silent_if")
    opposing = tuple(_opposing(files, row, names, major_points) for row in files.csv(OPPOSING, columns))
    return ScoreTables(supporting, opposing)


def _supporting(
    files: TableFiles, row: Row, roles: Mapping[str, Sequence[str]], known: frozenset[str]
) -> SupportingRule:
    keys: list[str] = []
    for name in row.list("keys"):
        keys += roles.get(name[1:], ()) if name.startswith("@") else (name,)
    _known(files, row, [*keys, *row.list("silent_if")], known)
    cap, count, points = (_number(files, row, column) for column in ("cap", "count", "points"))
    return SupportingRule(row["group"], cap, tuple(keys), count, points, row.list("silent_if"))


def _opposing(files: TableFiles, row: Row, known: frozenset[str], major_points: int) -> OpposingRule:
    points = _number(files, row, "points")
    reduced = _number(files, row, "reduced") if row["reduced"] else points
    silent = row.list("silent_if")
    _known(files, row, [row["key"], *(key.rstrip("?") for key in silent)], known)
    if row["major"] not in ("yes", "no"):
        files.problem(row.file, row.line, row["key"], "major is neither yes nor no", "write yes or no")
    if (row["major"] == "yes") != (points >= major_points):
        files.problem(
            row.file, row.line, row["key"], "major does not fit the points", f"major means {major_points} or more"
        )
    return OpposingRule(
        key=row["key"],
        points=points,
        slot=row["slot"] or row["key"],
        reduced=reduced,
        silent_if_present=tuple(key for key in silent if not key.endswith("?")),
        silent_if_hinted=tuple(key.rstrip("?") for key in silent if key.endswith("?")),
    )


def _known(files: TableFiles, row: Row, keys: Sequence[str], known: frozenset[str]) -> None:
    for key in keys:
        if key not in known:
            files.problem(row.file, row.line, key, "unknown key", "use one of mappings/keys.csv")
    if not keys:
        files.problem(row.file, row.line, "keys", "no key", "name a key or @role of mappings/keys.csv")


def _number(files: TableFiles, row: Row, column: str) -> int:
    if row[column].isdecimal():
        return int(row[column])
    files.problem(row.file, row.line, column, "not a whole number", "write digits")
    return 0
