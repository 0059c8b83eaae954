"""The result of one evaluation: every value with its evidence, for the card, the Observation and the reviewer."""

import datetime as dt
from dataclasses import dataclass, field

from emhwatch.types import Biopsy, Grade, Histology, Indicator, Side, Source, Tier, Value


@dataclass(frozen=True, slots=True)
class Coding:
    """A code as found."""

    system: str
    code: str
    display: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One piece of evidence for one key (policy 17)."""

    key: str
    value: Value
    source: Source
    mass: int | None = None  #: index into `Assessment.masses`
    reference: str | None = None  #: "DiagnosticReport/r1"
    version: str | None = None
    date: dt.date | None = None
    section: str | None = None
    start: int | None = None  #: code points into the text as read
    end: int | None = None
    text: str | None = None  #: words of the report, or "120 g/L" for a laboratory value
    sentence: str | None = None  #: the sentence around them, for the card
    code: Coding | None = None
    cue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One scored line of the scoring sheet (policy 6)."""

    key: str
    group: str  #: group of C, or "D"
    points: int  #: before the cap of the group
    value: Value
    fact: Fact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUsed:
    """A report as the evaluation saw it."""

    reference: str
    version: str | None
    status: str
    modality: str | None  #: DICOM modality code where known
    title: str | None  #: words of DiagnosticReport.code
    date: dt.date | None
    usable: bool
    reason: str | None = None  #: why it was not used or read, a code of `mappings/decision/missing.csv`
    encounter: str | None = None  #: reference of the visit
    based_on: tuple[str, ...] = ()  #: references of its orders
    studies: tuple[str, ...] = ()  #: references of its ImagingStudy resources


@dataclass(frozen=True, slots=True, kw_only=True)
class MassAssessment:
    """One mass: its inputs, its score, its row."""

    index: int
    value: Value  #: A
    site_class: str | None
    site_keys: tuple[str, ...]
    side: Side | None
    levels: tuple[str, ...]
    size_mm: float | None
    pooled: bool
    row: str
    indicator: Indicator
    tier: Tier
    card: str | None
    hold_offered: bool
    supporting: int
    opposing: int
    net: int
    major: bool
    histology: Histology
    biopsy: Biopsy
    names_emh: Value
    items: tuple[Item, ...] = ()  #: what scored, C then D
    rivals: tuple[Fact, ...] = ()
    not_described: tuple[str, ...] = ()  #: keys of C and D that are unknown
    statement: Fact | None = None  #: the words about the mass
    source_reason: str | None = None  #: why A is only possible, a code of `mappings/decision/missing.csv`
    report: ReportUsed | None = None  #: newest report that states the mass
    biopsy_fact: Fact | None = None
    emh_fact: Fact | None = None
    older_label: Fact | None = None
    targeted: bool | None = None  #: the hook's order is for this mass; None = cannot be told

    @property
    def key(self) -> str:
        """Key under which cards of this mass are remembered: site class, side, levels ("A1|left|T9,T10")."""
        return "|".join((self.site_class or "", self.side or "", ",".join(self.levels)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HbPoint:
    """One hemoglobin sample, cleaned per policy 4.3."""

    date: dt.date
    g_per_l: float
    limit: float | None
    low: bool
    usable_normal: bool
    acute: bool
    counted_low: bool
    reference: str | None
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One reason for the grade B."""

    id: str  #: `ground` of `mappings/decision/grades.csv`
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blood:
    """Grade B with its grounds."""

    grade: Grade
    grounds: tuple[Ground, ...] = ()
    causes: tuple[Fact, ...] = ()  #: B3 causes and diseases on record
    partial: tuple[Fact, ...] = ()  #: what there is for B?
    hb: tuple[HbPoint, ...] = ()
    mcv: Fact | None = None  #: MCV near the severe Hb, for the iron line


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that was not available and would matter."""

    code: str  #: row of `mappings/decision/missing.csv`
    words: str
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTrace:
    """Why a row of the decision table did or did not fire, for one mass."""

    mass: int | None
    row: str
    fired: bool
    failed: str | None  #: first condition that did not hold, "grade in B1,B2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Card I-9: advice shown earlier no longer holds (policy 7.6)."""

    change: str  #: what changed, a code of `mappings/decision/missing.csv`
    observation: str | None  #: id of the earlier Observation
    card: str
    shown: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The table set that was used."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One evaluation of one patient (policy 7, interface: `emhwatch assess`)."""

    id: str
    focus: str | None  #: "DiagnosticReport/r1"
    patient: str | None  #: "Patient/p1"
    now: dt.datetime
    t: dt.date  #: evaluation day in the hospital's time zone
    indicator: Indicator
    row: str
    tier: Tier
    card: str | None
    hold_offered: bool
    lead: int | None  #: index of the mass that the card is built from
    value: Value  #: A, patient level (of the lead mass, else as denied or unknown)
    masses: tuple[MassAssessment, ...]
    blood: Blood
    danger: Value
    danger_facts: tuple[Fact, ...]
    rules: Rules
    facts: tuple[Fact, ...] = ()  #: every key of policy 17 that is not unknown
    missing: tuple[Missing, ...] = ()
    reports: tuple[ReportUsed, ...] = ()
    trace: tuple[RowTrace, ...] = ()
    blocked: str | None = None  #: reason code of row R0
    stopped_write: bool = False  #: R0 for identity or death: nothing is written
    withdrawal: Withdrawal | None = None
    silenced: str | None = None  #: "dedup" or "override": decided, but not shown again
    anticoagulants: tuple[Fact, ...] | None = None  #: None = drug list not available
    pregnant: bool = False
    egfr: Fact | None = None
    age_years: int | None = None
    sex: str | None = None
    unread_patient: bool = False  #: B1/B2 patient whose report could not be read (monitored)
    draft_order: str | None = None  #: reference of the hook's order that names a mass site
    sources: tuple[str, ...] = field(default=())  #: versioned references of every resource used
    security: tuple[Coding, ...] = field(default=())  #: security labels to copy
    error: str | None = None  #: code of the failure; then row R0
    whole: MassAssessment | None = None  #: the answer when no mass stands (A absent or unknown); its index is -1

    @property
    def leading(self) -> MassAssessment | None:
        """The mass that the card is built from, else the answer without a mass; None for row R0."""
        return self.whole if self.lead is None else self.masses[self.lead]
