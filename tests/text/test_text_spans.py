"""Spans that mislead a reader of words, labelled in the corpus: negation, hedges, past, conditions."""

import re
from collections.abc import Iterator

from emhwatch.text.spans import read_span
from tests.corpus.text.labels import FOLDER
from tests.text.reading import tables

MARK = re.compile(r"\[\[([NAH]):([^\]]+)\]\]")
LABELS = {"N": "negated", "A": "affirmed", "H": "hedged"}
RIGHT, ALL, FLIPS = 442, 456, 7


def labelled_spans() -> Iterator[tuple[str, int, int, str]]:
    """Text, start and end of a span, its certainty."""
    for line in (FOLDER / "spans-en.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        marked = line.replace("\\n", "\n")
        text = MARK.sub(lambda mark: mark[2], marked)
        shift = 0
        for mark in MARK.finditer(marked):
            start = mark.start() - shift
            shift += len(mark[0]) - len(mark[2])
            yield text, start, start + len(mark[2]), LABELS[mark[1]]


def test_certainty_of_labelled_spans_is_counted_exactly() -> None:
    read = [(label, str(read_span(*span, tables()).certainty)) for *span, label in labelled_spans()]
    flips = sum({*pair} == {"affirmed", "negated"} for pair in read)
    assert (sum(label == found for label, found in read), len(read), flips) == (RIGHT, ALL, FLIPS)


def test_of_two_cues_that_overlap_the_longer_or_later_one_counts() -> None:
    text = "The lungs are free of consolidation. The study is negative for embolism."
    for word in ("consolidation", "embolism"):
        start = text.index(word)
        assert read_span(text, start, start + len(word), tables()).certainty == "negated"


def test_a_hedge_before_the_diagnosis_leaves_the_finding_affirmed() -> None:
    text = "The opacity is likely atelectasis."
    start = text.index("opacity")
    assert read_span(text, start, start + 7, tables()).certainty == "affirmed"
    text = "Atelectasis is likely."
    assert read_span(text, 0, 11, tables()).certainty == "hedged"
