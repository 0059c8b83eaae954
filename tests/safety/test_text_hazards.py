"""Hazards that begin with a misread sentence."""

import pytest

from emhwatch.model.reading import Reading
from emhwatch.tables.load import load_tables
from emhwatch.text.read import read_report
from emhwatch.types import Value


def reading(text: str) -> Reading:
    return read_report(text, load_tables().text)


def value(text: str, key: str) -> str:
    """Best value of a key over the whole text; unknown when nothing says it."""
    order = (Value.PRESENT, Value.POSSIBLE, Value.ABSENT)
    said = [f.value for f in reading(text).findings if f.key == key]
    return str(next((v for v in order if v in said), Value.UNKNOWN))


@pytest.mark.parametrize(
    "sentence",
    [
        "No paraspinal mass.",
        "There is no evidence of a paravertebral mass or collection.",
        "A paravertebral mass is unlikely.",
        "Paraspinal soft tissues: unremarkable.",
        "Pas de masse paravertébrale.",
    ],
)
def test_h03_a_denied_mass_is_absent(sentence: str) -> None:
    assert value(f"FINDINGS: {sentence}", "paraspinal_mass") == "absent"


@pytest.mark.parametrize(
    "sentence",
    [
        "No calcification in the paraspinal masses.",
        "Paraspinal mass at T9 without bone erosion or canal extension.",
        "The paravertebral mass has not changed.",
        "No increase in size of the left paraspinal mass.",
    ],
)
def test_h04_a_denied_feature_leaves_the_mass(sentence: str) -> None:
    assert value(f"FINDINGS: {sentence}", "paraspinal_mass") == "present"


@pytest.mark.parametrize(
    "sentence",
    [
        "The mass effaces the thecal sac.",
        "Left paraspinal mass with epidural extension compressing the spinal cord.",
        "T2 hyperintensity of the cord without compression.",
        "Displacement of the spinal cord by the epidural mass.",
    ],
)
def test_h07_danger_is_seen_in_its_many_words(sentence: str) -> None:
    assert value(f"FINDINGS: {sentence}", "cord_compression") == "present"


@pytest.mark.parametrize(
    "sentence",
    [
        "Extramedullary hematopoiesis can cause cord compression.",
        "Such masses may lead to paraplegia in some patients.",
        "CLINICAL QUESTION: rule out cord compression.",
    ],
)
def test_h08_general_words_and_questions_are_no_danger(sentence: str) -> None:
    for key in ("cord_compression", "neuro_deficit"):
        assert value(sentence, key) == "unknown"


def test_h31_translated_and_broken_words_are_understood() -> None:
    text = "FINDINGS: lesional process of both costo-vertebral splints without bone lysis or endoductal extension."
    for key, expected in (("paraspinal_mass", "present"), ("site_costovertebral", "present")):
        assert value(text, key) == expected
    assert value(text, "bone_destruction") == "absent"


@pytest.mark.parametrize("ending", ["-\n", "- \r\n  "])
def test_h31_a_word_with_a_hyphen_may_be_wrapped_at_it(ending: str) -> None:
    seen = f"FINDINGS: There is a large, heterogeneous left para{ending}vertebral mass at T9."
    denied = f"FINDINGS: Compared with the examination before, no para{ending}spinal mass is seen."
    assert value(seen, "paraspinal_mass") == "present"
    assert value(denied, "paraspinal_mass") == "absent"


def test_h31_an_unsupported_language_says_nothing_about_the_mass() -> None:
    text = "BEFUND: Keine paravertebrale Raumforderung. Milz vergrößert. Wirbelkörper unauffällig und regelrecht."
    found = reading(text)
    assert not found.supported
    assert found.findings == ()
