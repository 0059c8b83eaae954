"""The work of reading grows with the length of the text and no faster, whatever the text: lines run are counted."""

import sys
from types import FrameType

import pytest

from tests.text.reading import read

#: Texts that a matcher, a scope or a division into sentences may stumble over, each repeated to a length.
UNITS = {
    "cues": "no without possible cannot be excluded unchanged ",
    "negations": "no ",
    "beginnings of phrases": "extramedullary soft tissue no evidence of cannot be ",
    "masses in one sentence": "right paraspinal mass and left paravertebral lesions ",
    "masses": "There is a right paraspinal mass at T9. The mass erodes the rib. ",
    "masses at all levels": "Left paravertebral mass at T4, right paraspinal mass at L2. ",
    "a denial and a mass": "No paraspinal mass. Paraspinal mass at T9. ",
    "diagnoses": "lymphoma or neurofibroma or extramedullary hematopoiesis, ",
    "features": "calcification, fat, erosion, enhancement, ",
    "commas": ", ",
    "brackets": "( [ mass ",
    "closing brackets": "mass ) ] ",
    "colons": "spine: ",
    "labels": "Spleen: normal. Spine: no mass. ",
    "headings": "FINDINGS: IMPRESSION: ",
    "headings on lines": "FINDINGS\n\n",
    "addenda": "ADDENDUM: no paraspinal mass. FINDINGS: paraspinal mass. ",
    "levels": "T1-T12, ",
    "sizes": "3 x ",
    "numbers": "1.",
    "sizes with units": "3.2 x 2.1 cm ",
    "hyphens": "a-",
    "blank lines": "\n \n",
    "line ends of HL7": "\\.br\\mass",
    "full stops": ". ",
    "one word": "a",
    "letters with marks": "e\u0301",
    "questions": "paraspinal mass? ",
    "laboratory values": "hemoglobin 9 g/dl, ",
    "lists": "1) mass 2) ",
}
SHORT = 3_000  #: characters; four times as many may take four times the work and a little for what grows in steps
MARGIN = 1.25


def lines_run(text: str) -> int:
    """Lines of Python that reading a text runs."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        read(text, "CT", "en")
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", UNITS)
def test_work_grows_with_the_length_alone(name: str) -> None:
    unit = UNITS[name]
    few, many = (unit * (length // len(unit)) for length in (SHORT, 4 * SHORT))
    read(many, "CT", "en")  # steps of the matcher are worked out once
    assert lines_run(many) < MARGIN * 4 * lines_run(few) + 5_000
