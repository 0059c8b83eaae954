"""What holds for every text: no crash, spans inside, independence of wrapping, case, blanks and line ends."""

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emhwatch.model.reading import Reading
from emhwatch.text.spans import read_span
from emhwatch.types import Section
from tests.text.reading import read, tables, values

WORDS = (
    "no",
    "without",
    "possible",
    "paraspinal",
    "mass",
    "masses",
    "lesion",
    "right",
    "left",
    "bilateral",
    "T9",
    "T9-T11",
    "T1",
    "the",
    "of",
    "and",
    "or",
    ",",
    ".",
    ";",
    ":",
    "(",
    ")",
    "?",
    "is",
    "are",
    "not",
    "excluded",
    "cord",
    "compression",
    "calcification",
    "fat",
    "spleen",
    "enlarged",
    "normal",
    "IMPRESSION:",
    "FINDINGS:",
    "ADDENDUM:",
    "3",
    "cm",
    "3,2",
    "x",
    "2.1",
    "history",
    "mother",
    "biopsy",
    "recommended",
    "EMH",
    "abscess",
    "pas",
    "de",
    "masse",
    "paravertébrale",
    "ni",
    "sans",
    "rate",
    "normale",
)
REPORT = (
    "INDICATION: Known thalassemia intermedia, back pain. "
    "FINDINGS: There are bilateral lobulated paravertebral soft tissue masses from T8 to T11 with smooth margins, "
    "the largest measuring 4.2 x 3.1 cm on the right. They contain macroscopic fat and no calcification. "
    "There is no erosion of the adjacent ribs or vertebral bodies and no extension into the spinal canal. "
    "The spleen is enlarged. The ribs are widened. No evidence of cord compression. "
    "IMPRESSION: Bilateral paravertebral masses, most likely extramedullary hematopoiesis. Biopsy is not needed."
)


def essence(reading: Reading) -> tuple[object, ...]:
    """What a reading says, without offsets."""
    findings = sorted(
        (f.key, f.value, f.section, f.mass if f.mass is not None else -1, f.temporality, f.experiencer, f.levels)
        for f in reading.findings
    )
    masses = [(m.value, m.site_keys, m.side, m.levels, m.size_mm, m.count) for m in reading.masses]
    return findings, masses, reading.language


def check(reading: Reading) -> None:
    for finding in reading.findings:
        assert 0 <= finding.start < finding.end <= len(reading.text)
        assert finding.text == reading.text[finding.start : finding.end]
        if finding.cue is not None and finding.cue.text:
            assert finding.cue.text == reading.text[finding.cue.start : finding.cue.end]
        assert finding.mass is None or finding.mass < len(reading.masses)
    for mass in reading.masses:
        assert mass.text == reading.text[mass.start : mass.end]
    ends = [0]
    for section in reading.sections:
        assert section.start == ends[-1]
        ends.append(section.end)
    assert not reading.sections or ends[-1] == len(reading.text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(max_size=300), st.sampled_from(("en", "fr", None)))
def test_h20_any_unicode_text_is_read_without_a_crash(text: str, language: str | None) -> None:
    check(read(text, language=language))


@pytest.mark.parametrize("number", ["²", "3²", "½", "٣", "③", "5."])
def test_h20_a_sign_that_only_looks_like_a_digit_is_read(number: str) -> None:
    check(read(f"Paraspinal mass at T{number} and T{number}-9 is {number} x 3 cm. Hemoglobin {number} g/dl."))


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from((*WORDS, "\n", "\r\n", "\u00a0", "\\.br\\")), max_size=60), st.sampled_from(("en", "fr"))
)
def test_any_order_of_report_words_is_read(words: list[str], language: str) -> None:
    check(read(" ".join(words), language=language))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(min_size=1, max_size=120), st.data())
def test_any_span_is_judged(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    read_span(text, start, end, tables(), section=Section.FINDINGS)


def wrapped(text: str, width: int, end: str) -> str:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return end.join([*lines, line])


@pytest.mark.parametrize("width", [60, 64, 70, 72, 76, 80, 90, 100, 120])
@pytest.mark.parametrize("end", ["\n", "\r\n", "   \n"])
def test_line_wrapping_changes_nothing(width: int, end: str) -> None:
    assert essence(read(wrapped(REPORT, width, end))) == essence(read(REPORT))


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: text.replace(" ", "  ") + "  \n"])
def test_case_and_blanks_change_nothing(change: object) -> None:
    assert callable(change)
    assert values(change(REPORT)) == values(REPORT)


def test_unrelated_sentences_before_and_after_change_nothing() -> None:
    before = "The lungs are clear. The heart is of normal size. "
    after = " The gallbladder is unremarkable."
    body = "There is a right paraspinal mass at T9 without calcification. No cord compression."
    assert {**values(before + body + after), **values(body)} == values(before + body + after)


def test_decomposed_and_ligature_letters_are_the_same_words() -> None:
    composed = "Masse paravertébrale bien limitée en regard de T9, sans lyse osseuse."
    assert essence(read(unicodedata.normalize("NFD", composed))) == essence(read(composed))
    assert values("A well-deﬁned paraspinal mass is seen.")["well_circumscribed"] == "present"
