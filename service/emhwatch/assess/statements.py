"""Every statement of the chart about a key of the policy, with source and date; not yet weighed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from emhwatch.chart.model import Chart, CodedFinding, Entry, Report
from emhwatch.model.assessment import Coding, Fact
from emhwatch.model.days import Days
from emhwatch.model.reading import Finding, Reading
from emhwatch.types import Experiencer, Source, Temporality, Value

#: Strength of a value (policy 2.6).
STRENGTH = {Value.PRESENT: 3, Value.POSSIBLE: 2, Value.ABSENT: 1, Value.UNKNOWN: 0}
_SECTIONAL = frozenset(("CT", "MR"))
_FILM = frozenset(("CR", "DX", "RF", "RG", "XA"))
_NOT_SAID = (Temporality.HYPOTHETICAL, Temporality.PLANNED)


@dataclass(frozen=True, slots=True)
class TextSource:
    """One text that was read."""

    reading: Reading
    reference: str | None
    version: str | None
    days: Days | None
    issued: str
    kind: str  #: "report", "document", "order", "study", "procedure"
    report: Report | None = None

    @property
    def order(self) -> tuple[date, str]:
        """Newest last."""
        return (self.days.last if self.days else date.min, self.issued)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about one key."""

    fact: Fact
    days: Days | None
    order: tuple[date, str]
    kind: str  #: of the text source, or "condition", "finding", "drug", "laboratory", "computed"
    temporality: Temporality = Temporality.CURRENT
    finding: Finding | None = None
    report: Report | None = None

    @property
    def value(self) -> Value:
        """The value stated."""
        return self.fact.value


def sectional(report: Report) -> bool:
    """CT or MRI (policy 3.4)."""
    return report.modality in _SECTIONAL


def film(report: Report) -> bool:
    """Plain film."""
    return report.modality in _FILM


def text_sources(chart: Chart) -> list[TextSource]:
    """All readable texts of the patient; orders and studies as a request would word it."""
    found = [
        TextSource(r.reading, r.reference, r.version, r.days, r.issued or "", "report", r)
        for r in chart.reports
        if r.usable and r.reading is not None and r.reading.supported
    ]
    found += [TextSource(d.reading, d.reference, d.version, d.days, "", "document") for d in chart.documents]
    spoken: list[tuple[str, Entry, Reading | None]] = [("order", order, order.words) for order in chart.orders]
    spoken += [("study", study, study.words) for study in chart.studies]
    spoken += [("procedure", procedure, procedure.words) for procedure in chart.procedures]
    found += [
        TextSource(words, entry.reference, entry.version, entry.days, "", kind)
        for kind, entry, words in spoken
        if words is not None and words.supported
    ]
    return found


def text_statements(source: TextSource) -> Iterator[Statement]:
    """What one text says about the patient; questions, plans and other persons say nothing (policy 2.1, 2.4)."""
    for finding in source.reading.findings:
        if finding.value is Value.UNKNOWN or finding.experiencer is Experiencer.OTHER:
            continue
        if finding.temporality in _NOT_SAID:
            continue
        yield Statement(
            fact=text_fact(source, finding),
            days=source.days,
            order=source.order,
            kind=source.kind,
            temporality=finding.temporality,
            finding=finding,
            report=source.report,
        )


def text_fact(source: TextSource, finding: Finding) -> Fact:
    """A finding of a text as evidence."""
    return Fact(
        key=finding.key,
        value=finding.value,
        source=Source.TEXT,
        reference=source.reference,
        version=source.version,
        date=source.days.last if source.days else None,
        section=finding.section,
        start=finding.start,
        end=finding.end,
        text=finding.text,
        cue=finding.cue.rule if finding.cue else None,
        sentence=source.reading.sentence(finding.start, finding.end),
    )


def coded_fact(
    key: str, value: Value, entry: Entry, *, code: Coding | None = None, text: str | None = None,
    source: Source = Source.CODED, days: Days | None = None,
) -> Fact:  # fmt: skip
    """A coded entry as evidence."""
    when = days or entry.days
    return Fact(
        key=key,
        value=value,
        source=source,
        reference=entry.reference,
        version=entry.version,
        date=when.last if when else None,
        text=text,
        code=code,
    )


def coded_statement(
    key: str, value: Value, entry: Entry, kind: str, *, code: Coding | None = None, text: str | None = None,
    source: Source = Source.CODED,
) -> Statement:  # fmt: skip
    """A coded entry as a statement."""
    fact = coded_fact(key, value, entry, code=code, text=text, source=source)
    return Statement(fact, entry.days, (entry.days.last if entry.days else date.min, ""), kind)


def finding_statements(finding: CodedFinding) -> Iterator[Statement]:
    """What a coded finding states; one that could not be assessed states nothing."""
    if finding.value is Value.UNKNOWN:
        return
    for hit in finding.hits:
        for key in hit.keys:
            yield coded_statement(key, finding.value, finding, "finding", code=hit.coding, text=finding.text)


def strongest(statements: list[Statement]) -> Statement | None:
    """The strongest value; of equals the newest."""
    return max(statements, key=lambda s: (STRENGTH[s.value], s.order), default=None)


def newest(statements: list[Statement]) -> Statement | None:
    """The newest statement; on one day the strongest."""
    return max(statements, key=lambda s: (s.order[0], STRENGTH[s.value], s.order[1]), default=None)
