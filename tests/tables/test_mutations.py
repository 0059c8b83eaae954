"""A wrong cell is never silent: every mutation of a decision table gives a named problem or changes a worked case."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from emhwatch.assess.worked import answer
from emhwatch.errors import TableError
from emhwatch.tables import cases
from emhwatch.tables.decision import FOLDER
from emhwatch.tables.load import TableSet
from tests.tables.support import shipped, table_set

CASES = cases.parse(table_set()).decisions
#: Columns for people, names that are free (a group or slot of its own; the policy document is the test of those), and
#: sources (the test of those is test_numbers).
FREE = {"words", "unit", "person", "ground", "support", "note", "group", "slot", "source"}
TABLES = (
    "opposing.csv",
    "supporting.csv",
    "rows.csv",
    "tiers.csv",
    "tier_caps.csv",
    "hold.csv",
    "grades.csv",
    "severe.csv",
    "implications.csv",
    "hb_limits.csv",
)


def answers(tables: TableSet) -> list[Any]:
    return [answer(case, tables) for case in CASES]


RIGHT = answers(TableSet(table_set()))


def noticed(path: str, text: str) -> bool:
    try:
        return answers(TableSet(table_set({path: text}))) != RIGHT
    except TableError as error:
        assert all(str(problem).count(": ") >= 3 for problem in error.problems)
        return True


def rewritten(path: str) -> Iterator[tuple[str, str]]:
    """Every cell misspelled, one at a time."""
    lines = shipped()[path].decode().splitlines()
    notices = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(lines[len(notices) :]))
    for at in range(1, len(rows)):
        for column, name in enumerate(rows[0]):
            if name in FREE or not rows[at][column]:
                continue
            wrong = [list(row) for row in rows]
            wrong[at][column] = wrong[at][column] + "x"
            out = io.StringIO()
            out.writelines(f"{line}\n" for line in notices)
            csv.writer(out, lineterminator="\n").writerows(wrong)
            yield f"{at}:{name}", out.getvalue()


@pytest.mark.parametrize("name", TABLES)
def test_h30_a_misspelled_cell_is_noticed(name: str) -> None:
    path = f"{FOLDER}/{name}"
    assert [cell for cell, text in rewritten(path) if not noticed(path, text)] == []


@pytest.mark.parametrize("name", ["rows.csv", "opposing.csv", "supporting.csv", "hold.csv", "tier_caps.csv"])
def test_h30_every_missing_file_is_named(name: str) -> None:
    with pytest.raises(TableError, match=f"{FOLDER}/{name}:0: file: missing: restore the file"):
        answers(TableSet(table_set({f"{FOLDER}/{name}": None})))
