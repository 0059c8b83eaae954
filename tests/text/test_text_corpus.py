"""The reader on labelled texts: exact counts on both halves, and by name what is still wrong on `dev`.

A change that gains or loses a label is seen here; `python -m tests.corpus.text --write` keeps the new figures.
"""

import csv
from pathlib import Path

import pytest

from emhwatch.tables.load import load_tables
from tests.corpus.text.__main__ import SCORE, WRONG
from tests.corpus.text.labels import labelled
from tests.corpus.text.score import Judged, counts, judge
from tests.text.reading import tables


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge(labelled(), tables())


def _rows(path: Path) -> list[tuple[str, ...]]:
    with path.open(newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def test_counts_by_kind_are_those_that_were_kept(judged: list[Judged]) -> None:
    assert [(*place, *map(str, numbers)) for place, numbers in counts(judged).items()] == _rows(SCORE)


def test_what_is_wrong_on_dev_is_known_by_name(judged: list[Judged]) -> None:
    wrong = {(one.id, one.kind, one.label) for one in judged if not one.right and one.half == "dev"}
    assert wrong == set(_rows(WRONG))


def test_size_and_spread_of_the_corpus() -> None:
    texts = labelled()
    reports = [text for text in texts if text.report]
    assert len(texts) - len(reports) >= 400
    assert len(reports) >= 60
    assert {text.language for text in reports} == {"en", "fr"}
    assert {"CT", "MR", "CR", "NM", "US"} <= {text.modality for text in reports}
    assert len({text.text for text in texts}) == len(texts)
    assert 0.4 < sum(text.half == "dev" for text in texts) / len(texts) < 0.6


def test_labels_name_keys_of_the_policy() -> None:
    known = set(load_tables().keys.by_key)
    assert {key for text in labelled() for key in text.expect} <= known | {"biopsy_recommended", "biopsy_done"}
