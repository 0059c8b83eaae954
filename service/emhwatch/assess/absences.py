"""What was not available and would matter (interface: `missing`), and the reports as the evaluation saw them."""

from collections.abc import Sequence

from emhwatch.assess.hemoglobin import Hemoglobin
from emhwatch.chart.model import Chart, Report, ReportKind
from emhwatch.model.assessment import MassAssessment, Missing, ReportUsed
from emhwatch.tables.load import TableSet
from emhwatch.types import Biopsy, Grade, Value

_PLANNED = (Biopsy.RECOMMENDED, Biopsy.ORDERED, Biopsy.DONE_PENDING)


def missing(
    chart: Chart,
    hemoglobin: Hemoglobin,
    grade: Grade,
    lead: MassAssessment | None,
    incomplete: Sequence[str],
    tables: TableSet,
) -> tuple[Missing, ...]:
    """Each absence once, in words."""
    decision = tables.decision
    codes: list[tuple[str, str | None]] = []
    if chart.birth is None:
        codes.append(("no-birth-date", None))
    if not hemoglobin.recent:
        recent = decision.constants["hb_recent"]
        rejected = any(days is None or days.within(chart.t, recent) for days in chart.hb_rejected)
        codes.append(("hb-rejected" if rejected else "no-recent-hb", None))
    if grade is Grade.UNKNOWN:
        codes.append(("no-blood-disorder", None))
    if lead is not None and lead.biopsy in _PLANNED and not chart.drug_list:
        codes.append(("no-drug-list", None))
    imaging = [report for report in chart.reports if report.kind is ReportKind.IMAGING]
    if not any(report.usable for report in imaging):
        codes.append(("no-report", None))
    codes += [(report.reason, report.reference) for report in imaging if report.usable and report.reason]
    codes += [(code, None) for code in incomplete]
    found = [Missing(code=code, words=decision.words(code), reference=reference) for code, reference in codes]
    found += [
        Missing(code=gap.code, words=chart.words.get(gap.code, gap.code), reference=gap.reference) for gap in chart.gaps
    ]
    return tuple(dict.fromkeys(found))


def report_used(report: Report, value: Value | None = None) -> ReportUsed:
    """One report with the reason why it was not used, not read, or says nothing about a mass."""
    reason = report.reason
    if reason is None and report.usable and report.kind is ReportKind.IMAGING:
        reason = _silence(report, value)
    return ReportUsed(
        reference=report.reference or "",
        version=report.version,
        status=report.status,
        modality=report.modality,
        title=report.title,
        date=report.days.last if report.days else None,
        usable=report.usable,
        reason=reason,
        encounter=report.encounter,
        based_on=report.based_on,
        studies=report.studies,
    )


def _silence(report: Report, value: Value | None) -> str | None:
    reading = report.reading
    if reading is None:
        return "not-readable"
    if not reading.supported:
        return "language"
    if reading.masses or value is not None:
        return None
    unseen = any(f.value is Value.UNKNOWN for f in reading.findings)
    return "not-assessable" if unseen else "not-mentioned"
