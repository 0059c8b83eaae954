"""`mappings/numbers.csv`: unit and source of every column of numbers; a number without both is a problem."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from emhwatch.tables.source import Row, TableFiles

PATH = "mappings/numbers.csv"
#: A cell that is a number, a limit, or a range.
_NUMBER = re.compile(r"(?:<=|>=|<|>)?-?\d+(?:\.\d+)?\Z|\d+-\d+\Z")
_REMEDY = f"fill it, or name unit and source in {PATH}"


@dataclass(slots=True)
class _Column:
    """One row of the table."""

    row: Row
    used: bool = field(default=False)

    def fits(self, path: str, names: tuple[str, ...]) -> bool:
        """Whether the row is about this column, or about a field of this name at any depth."""
        return self.row["column"] in names and fnmatchcase(path, self.row["file"])

    def lacking(self, row: Row) -> str | None:
        """`unit` or `source`, when the column that should say it is empty in a row."""
        for name in ("unit", "source"):
            place = self.row[name]
            if place.startswith("@") and not row.cells.get(place[1:]):
                return name
        return None


def check(files: TableFiles, authoring: tuple[str, ...]) -> None:
    """Compare every number of the tables with the list; problems go to `files`."""
    listed = [_Column(row) for row in files.csv(PATH, ("file", "column", "unit", "source"))]
    for column in listed:
        if not column.row["unit"] or not column.row["source"]:
            files.problem(PATH, column.row.line, column.row["column"], "no unit or no source", "fill both")
    for path in sorted({*files.files, *files.site}):
        if path.startswith(authoring):
            continue
        if path.endswith(".csv"):
            _table(files, path, listed)
        else:
            for names in sorted(set(_fields(files.toml(path), ()))):
                _found(files, path, 0, names, listed)
    for column in listed:
        if not column.used:
            files.problem(PATH, column.row.line, column.row["column"], "no number stands there", "remove the row")


def _table(files: TableFiles, path: str, listed: list[_Column]) -> None:
    asked = [c.row for c in listed if fnmatchcase(path, c.row["file"])]
    named = {row[name][1:] for row in asked for name in ("unit", "source") if row[name].startswith("@")}
    for row in files.csv(path, sorted(named), may_be_empty=True):
        for name, cell in row.cells.items():
            if not _NUMBER.match(cell):
                continue
            column = _found(files, path, row.line, (name,), listed)
            if column and (lacking := column.lacking(row)):
                files.problem(path, row.line, next(iter(row.cells.values())), f"{name} without {lacking}", _REMEDY)


def _found(files: TableFiles, path: str, line: int, names: tuple[str, ...], listed: list[_Column]) -> _Column | None:
    for column in listed:
        if column.fits(path, names):
            column.used = True
            return column
    files.problem(path, line, names[-1], "a number without unit and source", _REMEDY)
    return None


def _fields(value: Any, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - TOML
    """Names from the top to each number of a TOML file."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _fields(inner, (*names, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, names)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield names
