"""The chart of one patient: typed, cleaned entries with their references; no conclusions (those are `assess`).

Everything here belongs to the one patient that was resolved, is dated at or before the evaluation day, and is
usable as FHIR says (status, modifier extensions, implicit rules, security labels). What was left out stands in
`Chart.gaps` with the reason. Dates are `Days`: a partial date is an interval (policy 2.7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from emhwatch.model.assessment import Coding
from emhwatch.model.days import Days
from emhwatch.model.reading import Reading
from emhwatch.types import Side, Source, Value

#: Intents of a ServiceRequest that order something; the others only propose.
ORDER_INTENTS = frozenset(("order", "original-order", "reflex-order", "filler-order", "instance-order"))


class Identity(StrEnum):
    """Whether report, order and hook concern one patient."""

    RESOLVED = "resolved"
    UNKNOWN = "unknown"  #: the report names no patient that can be found: it alone is read, there is no chart
    MISMATCH = "mismatch"  #: they name different patients: row R0, nothing else was read


class ReportKind(StrEnum):
    """What a report is about; only `IMAGING` can state a mass."""

    IMAGING = "imaging"
    PATHOLOGY = "pathology"
    LABORATORY = "laboratory"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CodeHit:
    """A code of the resource that the tables know."""

    concept: str
    keys: tuple[str, ...]  #: keys of the policy, may be empty
    role: str  #: of `mappings/concepts.csv`
    coding: Coding
    value: str | None = None  #: what the concept stands for in its role, or what the code adds ("remission")
    rival: str | None = None  #: key instead, as a coded conclusion of a report about the mass


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not used or not available. `code` is a row of `mappings/chart/reasons.csv`."""

    code: str
    reference: str | None = None
    element: str | None = None  #: "Condition.clinicalStatus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What every entry carries. `reference` is "Type/id", the `fullUrl` of a body without id, or
    "Type/id#contained"; None only for a body that has neither.
    """

    reference: str | None
    version: str | None
    days: Days | None  #: the clinically relevant date, see each entry; never after the evaluation day
    hits: tuple[CodeHit, ...] = ()  #: all known codes, all codings

    def keys(self) -> tuple[str, ...]:
        """Keys of all hits, in order, each once."""
        return tuple(dict.fromkeys(key for hit in self.hits for key in hit.keys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Entry):
    """A DiagnosticReport, or a DocumentReference or Composition that is one. `days`: study, else issued."""

    kind: ReportKind
    status: str
    usable: bool  #: policy 3.4 (1): status, preliminary against final, replaced versions
    reason: str | None  #: why not usable or not read, code of `mappings/decision/missing.csv`
    withdrawn: bool  #: entered-in-error or cancelled
    preliminary: bool
    issued: str | None  #: UTC instant, "2026-03-01T10:00:00.000000Z", sorts as text
    modality: str | None  #: DICOM code
    title: str | None
    reading: Reading | None  #: None: no readable text, or not usable
    parts_missing: tuple[str, ...] = ()  #: why some carrier of text could not be read, carrier's codes
    conclusions: tuple[CodeHit, ...] = ()  #: `conclusionCode`
    conclusion_words: Reading | None = None  #: `conclusionCode` without a known code, read
    study: str = ""  #: reports of one study share this key
    studies: tuple[str, ...] = ()  #: references of the ImagingStudy resources of this study
    based_on: tuple[str, ...] = ()  #: references of its orders
    encounter: str | None = None  #: reference of the visit
    sampled: Days | None = None  #: pathology: when the specimen was taken
    sites: tuple[str, ...] = ()  #: pathology: site names of the specimen, see `Order.sites`
    site_words: Reading | None = None  #: pathology: words about the specimen, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Entry):
    """Free text that is no report: note, letter, text Observation. `days`: its date."""

    kind: str  #: resource type
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class HbValue(Entry):
    """An accepted hemoglobin (policy 4.3); of one calendar day only the lowest is kept. `days`: the sample."""

    g_per_l: float
    comparator: str | None  #: "<", "<=", ">", ">="
    original: str  #: as sent, "5.4 g/dL"
    source: Source
    section: str | None = None  #: text only
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabValue(Entry):
    """Another laboratory value, in the canonical unit of `terminology/analytes.csv`. `days`: the sample."""

    analyte: str  #: "mcv", "ferritin", "reticulocytes", "bilirubin", "ldh", "haptoglobin", "egfr", …
    value: float | None  #: None: only a flag could be used
    comparator: str | None
    high: bool  #: above the upper limit sent with it, or flagged high
    low: bool
    original: str
    source: Source
    section: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disorder(Entry):
    """A Condition. `days`: onset, else recorded. Refuted ones are here, entered-in-error ones are not."""

    clinical: str | None  #: active, recurrence, relapse, inactive, remission, resolved; None as active
    verification: str | None  #: confirmed, provisional, differential, unconfirmed, refuted; None as confirmed
    onset: Days | None
    abatement: Days | None
    recorded: Days | None
    words: Reading | None  #: code.text, displays of unknown codes and notes, read
    text: str | None  #: code.text or a display
    title: Reading | None = None  #: code.text alone, read; it qualifies the codes beside it
    cured: bool = False  #: its words tell of a transplant or gene therapy
    sites: tuple[str, ...] = ()
    side: Side | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedFinding(Entry):
    """A coded statement that is no Condition. `days`: effective date, or that of the report or study."""

    value: Value  #: present, absent, possible, unknown, as the Observation states it
    origin: str  #: "Observation", "ImagingStudy.reasonCode", "ImagingStudy.bodySite"
    sites: tuple[str, ...] = ()
    side: Side | None = None
    text: str | None = None
    report: str | None = None  #: the report or study that carries it


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug(Entry):
    """One drug record. `days`: start, else written; `until`: recorded end."""

    classes: tuple[str, ...]  #: of `mappings/chart/drugs.csv`: "iron-chelator", "anticoagulant", …
    named: tuple[str, ...]  #: keys of the policy that the classes stand for
    active: bool
    until: Days | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfusion(Entry):
    """A red-cell transfusion that was given. `days`: when."""

    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure(Entry):
    """A procedure that was done or is under way. `days`: start."""

    kinds: tuple[str, ...]  #: of `mappings/chart/procedures.csv`: "biopsy", "needle", "operation", "splenectomy", …
    status: str
    until: Days | None
    sites: tuple[str, ...]
    side: Side | None
    words: Reading | None
    text: str | None
    of_episode: bool = False  #: its reason is an injury or bleeding
    based_on: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()  #: `Procedure.report`


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Entry):
    """A ServiceRequest. `days`: authored, else its occurrence."""

    kinds: tuple[str, ...]
    status: str
    intent: str
    do_not_perform: bool
    priority: str | None
    draft: bool  #: unsigned order of the hook context
    standing: bool  #: repeats (`occurrenceTiming.repeat`)
    sites: tuple[str, ...]  #: names of `mappings/chart/sites.csv`
    target: bool | None  #: some site can be that of the mass; None: no site given
    side: Side | None
    levels: tuple[str, ...]
    words: Reading | None  #: code, reason and notes, read
    text: str | None
    reports: tuple[str, ...] = ()  #: reports and conditions named as reason or supporting information


@dataclass(frozen=True, slots=True, kw_only=True)
class Study(Entry):
    """An ImagingStudy. `days`: started. Its coded reasons and sites are in `Chart.findings`."""

    status: str
    usable: bool
    modality: str | None
    title: str | None
    words: Reading | None  #: description and reason, read
    reports: tuple[str, ...] = ()  #: usable or not, reports of this study
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode(Entry):
    """Start of an acute episode (policy 4.4): acute bleeding, operation, fracture or major injury."""

    kind: str  #: "bleeding", "operation", "injury"
    until: Days | None  #: recorded end


@dataclass(frozen=True, slots=True)
class PregnancySpan:
    """A pregnancy; `began` is day 0 (first day of the last period), None when the week is unknown."""

    first: date
    last: date
    began: date | None
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything the decision needs about one patient."""

    identity: Identity
    patient: str | None  #: "Patient/p1" after following merges; None when only known by an identifier, or not at all
    t: date
    focus: str | None
    focus_report: Report | None = None  #: the report under evaluation, usable or not
    focus_study: Study | None = None
    focus_found: bool = False
    birth: Days | None = None
    sex: str | None = None
    deceased: bool = False
    reports: tuple[Report, ...] = ()  #: all kinds, newest first
    documents: tuple[Document, ...] = ()
    hemoglobin: tuple[HbValue, ...] = ()  #: oldest first
    labs: tuple[LabValue, ...] = ()
    disorders: tuple[Disorder, ...] = ()
    findings: tuple[CodedFinding, ...] = ()
    drugs: tuple[Drug, ...] = ()
    drug_list: bool = False  #: drugs were asked for, or some record of one was there, so that "none" can be said
    transfusions: tuple[Transfusion, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    orders: tuple[Order, ...] = ()
    studies: tuple[Study, ...] = ()
    episodes: tuple[Episode, ...] = ()
    pregnancies: tuple[PregnancySpan, ...] = ()
    gaps: tuple[Gap, ...] = ()
    hb_rejected: tuple[Days | None, ...] = ()  #: dates of hemoglobin values that could not be used
    sources: tuple[str, ...] = ()  #: versioned references of every resource used
    security: tuple[Coding, ...] = ()  #: security labels of what was used
    words: Mapping[str, str] = field(default_factory=dict)  #: words of the gap codes met
