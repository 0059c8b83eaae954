"""The sentence that a card quotes."""

import pytest

from emhwatch.model.reading import Reading, SectionSpan
from emhwatch.types import Section

TEXT = "FINDINGS\nNo effusion. Smooth masses lie\non both sides. Liver normal.\n\nIMPRESSION: masses of T9.\nSee above."


def read() -> Reading:
    cut = TEXT.index("IMPRESSION")
    spans = (SectionSpan(Section.FINDINGS, 0, cut), SectionSpan(Section.IMPRESSION, cut, len(TEXT)))
    return Reading(text=TEXT, language="en", supported=True, sections=spans)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("masses lie", "Smooth masses lie\non both sides."),
        ("effusion", "No effusion."),
        ("normal", "Liver normal."),
        ("of T9", "IMPRESSION: masses of T9."),
        ("above", "See above."),
    ],
)
def test_sentence_around_a_span(words: str, sentence: str) -> None:
    start = TEXT.index(words)
    assert read().sentence(start, start + len(words)) == sentence
