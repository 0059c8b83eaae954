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
CASES = cases.parse(FILES)
OUTCOMES = list(outcomes(CASES, TABLES))


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.name)
def test_case(outcome: Outcome) -> None:
    """A sentence of `open.csv` is one that is not answered yet: when it is, its row has to go."""
    assert outcome.holds is (outcome.name not in CASES.open), dict(outcome.answered)


def test_there_are_cases_of_both_kinds() -> None:
    assert len(CASES.sentences) > 1000 and len(CASES.decisions) > 100
    assert {case.language for case in CASES.sentences} == {"en", "fr"}
    assert len(CASES.open) < len(CASES.sentences) / 10


def test_h30_the_shipped_tables_have_no_problem() -> None:
    files = table_files()
    assert [str(problem) for problem in check_tables(files)] == []
    assert [str(problem) for problem in case_problems(files, TABLES)] == []


def test_built_files_are_checked_in_and_valid() -> None:
    built = built_files(FILES, TABLES)
    assert stale_files(Path(__file__).resolve().parents[2], built) == []
    invalid = [path for path, text in built.items() if path.endswith(".json") and r4b.problems(json.loads(text))]
    assert invalid == []
