"""Laboratory values in running text: analyte, number, unit as written. What is plausible is decided by the chart."""

from collections.abc import Iterator

from emhwatch.model.reading import Measurement
from emhwatch.tables.readings import ReadingRules
from emhwatch.text.scene import Hit, Scene, is_fact
from emhwatch.types import Section

_REACH = 6  #: words between the name of an analyte and its value
_UNIT_WORDS = 6


def measurements_in(scene: Scene, rules: ReadingRules) -> Iterator[Measurement]:
    """Values of analytes in a sentence; general statements and other sections give none."""
    if scene.terms.isdisjoint(rules.analytes) or scene.section is Section.OTHER:
        return
    named = [hit for hit in scene.hits if any(term.startswith("lab-") for term in hit.terms)]
    for index, hit in enumerate(named):
        analyte = next((rules.analytes[term] for term in hit.terms if term in rules.analytes), None)
        if analyte is None:
            continue
        stop = named[index + 1].start if index + 1 < len(named) else scene.sentence.end
        found = _value(scene, hit, min(stop, hit.end + _REACH), rules)
        if found is None:
            continue
        at, unit_end = found
        assertion = scene.judge(hit.start, hit.end)
        if not is_fact(assertion):
            continue
        words = scene.layout.words
        start, end, text = scene.span(hit.start, unit_end)
        unit = scene.layout.text[scene.layout.ends[at] : scene.layout.ends[unit_end - 1]].strip() or None
        before = words[at - 1]
        yield Measurement(
            analyte=analyte,
            value=float(words[at].replace(",", ".")),
            unit=unit,
            comparator=before if before in rules.comparators else None,
            date=None,
            high=any(other.gap(hit) <= 3 for other in scene.of(rules.high_terms)),
            section=scene.section,
            experiencer=assertion.experiencer,
            start=start,
            end=end,
            text=text,
        )


def _value(scene: Scene, hit: Hit, stop: int, rules: ReadingRules) -> tuple[int, int] | None:
    """Token of the number and the end of its unit; a number with a name of its own in between is none."""
    words = scene.layout.words
    for at in range(hit.end, stop):
        if not words[at][0].isdecimal():
            continue
        end = at + 1
        while end < min(len(words), at + 1 + _UNIT_WORDS) and words[end] in rules.units:
            end += 1
        while end > at + 1 and words[end - 1] in ("/", "per"):
            end -= 1
        return at, end
    return None
