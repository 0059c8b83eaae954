"""What differs between two table sets, row by row, in words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from emhwatch.tables.source import Row, TableFiles

#: Longest value that is printed whole.
_LONGEST = 60


def changes(old: TableFiles, new: TableFiles) -> list[str]:
    """One line a change: `file: row: column: old → new`."""
    lines = []
    for path in sorted({*_paths(old), *_paths(new)}):
        if path.endswith(".csv"):
            lines += [f"{path}: {line}" for line in _rows(_read(old, path), _read(new, path))]
        else:
            lines += [f"{path}: {line}" for line in _fields("", _toml(old, path), _toml(new, path))]
    return lines


def _paths(files: TableFiles) -> set[str]:
    return {*files.files, *files.site}


def _read(files: TableFiles, path: str) -> list[Row]:
    return files.csv(path, (), may_be_empty=True) if path in _paths(files) else []


def _toml(files: TableFiles, path: str) -> dict[str, Any]:
    return files.toml(path) if path in _paths(files) else {}


def _rows(old: list[Row], new: list[Row]) -> Iterator[str]:
    width = _key_width(old, new)
    before, after = _by_key(old, width), _by_key(new, width)
    for key in dict.fromkeys((*before, *after)):
        name = " ".join(key)
        mine, theirs = before.get(key), after.get(key)
        if mine is None and theirs is not None:
            yield f"{name}: added: {_words(theirs)}"
        elif theirs is None and mine is not None:
            yield f"{name}: removed: {_words(mine)}"
        elif mine is not None and theirs is not None:
            for column in dict.fromkeys((*mine, *theirs)):
                if mine.get(column) != theirs.get(column):
                    yield f"{name}: {column}: {_value(mine.get(column))} → {_value(theirs.get(column))}"
    if list(before) != list(after) and sorted(before) == sorted(after):
        yield "order of the rows changed"


def _key_width(*tables: list[Row]) -> int:
    """How many of the first columns tell the rows of both tables apart."""
    most = min((len(row.cells) for rows in tables for row in rows), default=1)
    for width in range(1, most):
        if all(len({tuple(row.cells.values())[:width] for row in rows}) == len(rows) for rows in tables):
            return width
    return most


def _by_key(rows: list[Row], width: int) -> dict[tuple[str, ...], Mapping[str, str]]:
    return {tuple(row.cells.values())[:width]: row.cells for row in rows}


def _fields(name: str, old: object, new: object) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for field in dict.fromkeys((*old, *new)):
            yield from _fields(f"{name}.{field}".lstrip("."), old.get(field), new.get(field))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (mine, theirs) in enumerate(zip(old, new, strict=True), start=1):
            yield from _fields(f"{name}[{place}]", mine, theirs)
    elif old != new:
        yield f"{name or 'file'}: {_value(old)} → {_value(new)}"


def _words(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{column} {_value(value)}" for column, value in cells.items() if value)


def _value(value: object) -> str:
    if value is None or value == "":
        return "(nothing)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
