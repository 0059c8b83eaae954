"""What the reader took from one report text; spans are half-open code-point offsets into `Reading.text`."""

from dataclasses import dataclass, field
from typing import NamedTuple

from emhwatch.types import Certainty, Experiencer, Section, Side, Temporality, Value

#: What ends a sentence; a line break alone is only a wrapped line.
_ENDS = (". ", ".\n", "? ", "?\n", "\n\n", ":\n")
#: Cue of a finding that rests on a measured size alone.
MEASURED = "measured"
_HEADING = 40  #: longest line that is taken for the heading of a section


class Cue(NamedTuple):
    """The words and the table row that decided an assertion."""

    rule: str  #: id of the row in the cue table
    text: str
    start: int
    end: int


class SectionSpan(NamedTuple):
    """One section of a report, heading included."""

    name: Section
    start: int
    end: int


class Finding(NamedTuple):
    """One statement about one policy key (policy 17). General statements are never findings."""

    key: str
    value: Value  #: after policy 2.2; `UNKNOWN` only for "not assessable"
    start: int
    end: int
    text: str
    section: Section
    certainty: Certainty = Certainty.AFFIRMED
    temporality: Temporality = Temporality.CURRENT
    experiencer: Experiencer = Experiencer.PATIENT
    levels: tuple[str, ...] = ()  #: vertebral levels in order, "T9", "L1"
    side: Side | None = None
    size_mm: float | None = None  #: largest diameter
    regions: tuple[str, ...] = ()  #: site keys that a denial of the mass names
    mass: int | None = None  #: index into `Reading.masses`; None = patient-level or not attributable
    pooled: bool = False  #: a mass feature that could not be attributed to one of several masses
    cue: Cue | None = None
    date: str | None = None  #: partial ISO date stated with the finding
    rank: str | None = None  #: for `ddx_` keys: "leading" or "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMass:
    """One paraspinal-type mass of a report (policy 3.1-3.3, 7.3)."""

    index: int
    value: Value  #: A for this mass as this report alone states it
    site_keys: tuple[str, ...]
    site_class: str | None  #: "A1", "A2"
    side: Side | None
    levels: tuple[str, ...]
    size_mm: float | None
    count: int | None  #: number of separate masses when stated
    start: int
    end: int
    text: str
    section: Section
    temporality: Temporality = Temporality.CURRENT
    pooled: bool = False
    cue: Cue | None = None


class Measurement(NamedTuple):
    """A laboratory value in running text; the unit is as written."""

    analyte: str  #: analyte id of `terminology/analytes.csv`, for example "hemoglobin"
    value: float
    unit: str | None
    comparator: str | None
    date: str | None  #: partial ISO date stated beside it, else None (= document date)
    high: bool
    section: Section
    experiencer: Experiencer
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that one report text says."""

    text: str
    language: str | None  #: "en", "fr", or None when it could not be told
    supported: bool  #: False: language not supported, nothing was read
    sections: tuple[SectionSpan, ...] = ()
    findings: tuple[Finding, ...] = ()
    masses: tuple[TextMass, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = field(default=())  #: what could not be decided, as codes

    def sentence(self, start: int, end: int) -> str:
        """The words around a span: its sentence, within the section that it stands in."""
        section = next((s for s in self.sections if s.start <= start < s.end), None)
        first, last = (section.start, section.end) if section else (0, len(self.text))
        left = first
        for mark in _ENDS:
            if (at := self.text.rfind(mark, first, start)) >= 0:
                left = max(left, at + len(mark))
        if section and left == first and 0 < (heading := self.text.find("\n", left, start)) - left <= _HEADING:
            left = heading + 1
        right = last
        for mark in _ENDS:
            if (at := self.text.find(mark, end, last)) >= 0:
                right = min(right, at + 1)
        return self.text[left:right].strip()
