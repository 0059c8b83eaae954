"""The worked cases beside the tables, one test each; and the built files are what the tables give."""

import json
from pathlib import Path

import pytest

from emhwatch.assess.worked import Outcome, outcomes
from emhwatch.commands.tables.build import built_files, stale_files
from emhwatch.commands.tables.check import case_problems
from emhwatch.fhir import r4b
from emhwatch.tables import cases
from emhwatch.tables.check import check_tables
from emhwatch.tables.load import load_tables
from emhwatch.tables.locate import table_files

FILES = table_files()
TABLES = load_tables()
OUTCOMES = list(outcomes(cases.parse(FILES), TABLES))


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.name)
def test_case(outcome: Outcome) -> None:
    assert outcome.answered == outcome.expected


def test_there_are_cases_of_both_kinds() -> None:
    parsed = cases.parse(table_files())
    assert len(parsed.sentences) > 600 and len(parsed.decisions) > 100
    assert {case.language for case in parsed.sentences} == {"en", "fr"}


def test_h30_the_shipped_tables_have_no_problem() -> None:
    files = table_files()
    assert [str(problem) for problem in check_tables(files)] == []
    assert [str(problem) for problem in case_problems(files, TABLES)] == []


def test_built_files_are_checked_in_and_valid() -> None:
    built = built_files(FILES, TABLES)
    assert stale_files(Path(__file__).resolve().parents[2], built) == []
    invalid = [path for path, text in built.items() if path.endswith(".json") and r4b.problems(json.loads(text))]
    assert invalid == []
