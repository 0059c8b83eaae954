"""The matcher learns phrases and steps while it reads: neither order, nor threads, nor forgetting may be seen."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emhwatch.model.reading import Reading
from emhwatch.tables.load import TableSet
from emhwatch.tables.locate import table_files
from emhwatch.tables.phrases import Matcher, Phrases
from emhwatch.tables.text import TextTables
from emhwatch.tables.words import Speller
from emhwatch.text.read import read_report
from tests.corpus.text.labels import labelled
from tests.text.reading import read

REPORTS = [text.text for text in labelled() if text.report][:30]


def fresh() -> TextTables:
    """Tables that have read nothing yet."""
    return TableSet(table_files()).text


@pytest.fixture
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_what_was_read_before_changes_nothing() -> None:
    tables = fresh()
    assert [read_report(text, tables) for text in reversed(REPORTS)][::-1] == [read(text) for text in REPORTS]


@pytest.mark.usefixtures("hasty")
def test_threads_that_read_at_once_read_the_same() -> None:
    expected = [read(text) for text in REPORTS]
    tables = fresh()

    def all_of(start: int) -> list[Reading]:
        order = REPORTS[start:] + REPORTS[:start]
        found = [read_report(text, tables) for text in order]
        return found[len(REPORTS) - start :] + found[: len(REPORTS) - start]

    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(all_of, range(0, 30, 5)):
            assert found == expected


def test_a_full_memory_is_emptied_and_nothing_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [read(text) for text in REPORTS]
    monkeypatch.setattr(Matcher, "MEMORY", 50)
    tables = fresh()
    assert [read_report(text, tables) for text in REPORTS] == expected


def phrases(*notations: str) -> Phrases[str]:
    made: Phrases[str] = Phrases(Speller((), (), ()), ("para",))
    for notation in notations:
        made.add(notation, notation)
    return made


@pytest.mark.parametrize(
    "notation", ["", "[a", "a)", "(a", "[a)", "(a) (b)", "~", "~ (a)", "[(a)|b]", "*", "a;", "a b" + "[c|d]" * 9]
)
def test_a_wrong_phrase_is_refused_when_it_is_added(notation: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        phrases(notation)


@pytest.mark.parametrize(
    ("notation", "text", "found"),
    [
        ("one", "two one two", (1, 2)),
        ("one two", "one one two", (1, 3)),
        ("[one|two] three", "two three", (0, 2)),
        ("(one) two", "two", (0, 1)),
        ("(one) two", "one two", (0, 2)),
        ("on* two", "once two", (0, 2)),
        ("one ~ two", "one a b c two", (0, 5)),
        ("one ~ two", "one a b c d two", None),
        ("~ one", "a b one", (0, 3)),
        ("o[n|t]e", "ote", (0, 1)),
        ("paraspinal", "para spinal", (0, 2)),
        ("one;two", "two", (0, 1)),
        ("one [two (three|four)|five] six", "one two four six", (0, 4)),
        ("one [two (three|four)|five] six", "one two six", (0, 3)),
        ("one [two (three|four)|five] six", "one five four six", None),
    ],
)
def test_notation_of_phrases(notation: str, text: str, found: tuple[int, int] | None) -> None:
    words = text.split()
    matches = Matcher(phrases(notation, "other")).find(words, 0, len(words))
    assert [(start, end) for start, end, _ in matches] == ([found] if found else [])


def test_the_longest_match_from_the_left_wins_with_all_that_end_there() -> None:
    matcher = Matcher(phrases("one", "one two", "o* two", "two three"))
    words = ["one", "two", "three"]
    assert matcher.find(words, 0, 3) == [(0, 2, ("one two", "o* two"))]
