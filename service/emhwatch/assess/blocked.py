"""Row R0: the evaluation stops before anything is decided (policy 7.1)."""

from datetime import date, datetime

from emhwatch.assess.absences import report_used
from emhwatch.assess.memory import withdrawal
from emhwatch.chart.model import Chart, Identity
from emhwatch.model.assessment import Assessment, Blood, RowTrace, Rules
from emhwatch.model.history import History
from emhwatch.tables.load import TableSet
from emhwatch.types import Grade, Indicator, Tier, Value

_SILENT = ("identity", "deceased")


def blocking(chart: Chart, *, withdrawn: bool, hook: str | None) -> str | None:
    """Why nothing is decided, a code of `missing.csv`; None to go on. A hook leaves a withdrawn report out."""
    if chart.identity is Identity.MISMATCH:
        return "identity"
    if chart.deceased:
        return "deceased"
    report = chart.focus_report
    if hook is None and (withdrawn or (report is not None and report.withdrawn)):
        return "withdrawn-report"
    if chart.focus and hook is None and not chart.focus_found:
        return "failed"
    return None


def blocked_assessment(
    reason: str, chart: Chart | None, *, now: datetime, day: date, tables: TableSet, history: History | None
) -> Assessment:
    """Nothing is known; nothing about the patient is shown or, for identity and death, written."""
    told = withdrawal("R0", Indicator.NONE, history, blocked=reason, report=())
    return Assessment(
        id=(chart.focus if chart else None) or "",
        focus=chart.focus if chart else None,
        patient=chart.patient if chart else None,
        now=now,
        t=day,
        indicator=Indicator.NONE,
        row="R0",
        tier=Tier.NOT_ASSESSED,
        card=None,
        hold_offered=False,
        lead=None,
        value=Value.UNKNOWN,
        masses=(),
        blood=Blood(grade=Grade.UNKNOWN),
        danger=Value.UNKNOWN,
        danger_facts=(),
        rules=Rules(version=tables.version, digest=tables.digest),
        reports=tuple(report_used(report) for report in chart.reports) if chart and reason not in _SILENT else (),
        trace=(RowTrace(mass=None, row="R0", fired=True, failed=None),),
        blocked=reason,
        stopped_write=reason in _SILENT,
        withdrawal=told,
        error="focus-not-found" if reason == "failed" and chart is not None else None,
        sources=chart.sources if chart and reason not in _SILENT else (),
        security=chart.security if chart and reason not in _SILENT else (),
    )
