"""All checks of the tables but their worked cases: shape, codes, and across tables. Every problem is collected."""

import csv
from importlib import import_module
from typing import Any

from emhwatch.tables import coverage, numbers, overlay, senses
from emhwatch.tables.load import DOMAINS, RELEASE
from emhwatch.tables.problem import Problem
from emhwatch.tables.source import TableFiles
from emhwatch.tables.standard_form import standard_form

#: Read by the authoring tools only.
AUTHORING = ("mappings/cases/", coverage.LEFT_OUT, "terminology/left_out_phrases.csv")
#: A column that every table may have, for people only.
FREE = "note"


def check_tables(files: TableFiles) -> tuple[Problem, ...]:
    """Problems of all tables, sorted; across tables only once each table is right by itself."""
    _release(files)
    files.check_overlay()
    files.read[overlay.PATH] = set(overlay.COLUMNS)
    parsed = {name: _parsed(files, name) for name in DOMAINS}
    if not files.problems:
        coverage.check(files, parsed)
        numbers.check(files, AUTHORING)
        senses.check(files, parsed["text"])
        _unread(files)
        _form(files)
    return tuple(files.told())


def _parsed(files: TableFiles, name: str) -> Any:  # noqa: ANN401 - each domain has its own type
    try:
        return import_module(f"emhwatch.tables.{name}").parse(files)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        if not files.problems:
            files.problem(f"tables/{name}", 0, name, f"cannot be read ({type(error).__name__})", "undo the last change")
        return None


def _release(files: TableFiles) -> None:
    release = files.toml(RELEASE)
    parts = str(release.get("version", "")).split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        files.problem(RELEASE, 0, "version", "no calendar version", "write YEAR.MONTH.NUMBER")
    for name in ("policy", "date"):
        if not release.get(name):
            files.problem(RELEASE, 0, name, "missing", "add it")


def _unread(files: TableFiles) -> None:
    """Files and columns that nothing reads: a misspelled name would switch its content off in silence."""
    for path in sorted({*files.files, *files.site}):
        if path not in files.read and not path.startswith(AUTHORING):
            files.problem(path, 0, "file", "nothing reads this file", "remove it or correct its name")
        elif path.endswith(".csv") and path in files.read:
            unknown = [name for name in files.header(path) if name not in files.read[path] and name != FREE]
            if unknown:
                files.problem(path, 0, unknown[0], "nothing reads this column", "remove it or correct its name")


def _form(files: TableFiles) -> None:
    for prefix, group in (("", files.files), ("overlay/", files.site)):
        for path, raw in sorted(group.items()):
            try:
                text = raw.decode("utf-8")
                if standard_form(path, text) != text:
                    files.problem(f"{prefix}{path}", 0, "file", "not in the standard form", "run emhwatch tables fmt")
            except (UnicodeDecodeError, csv.Error):
                files.problem(f"{prefix}{path}", 0, "file", "not a UTF-8 table", "save it as UTF-8 CSV")
