"""One evaluation: resources in, `Assessment` out. Pure, and never raises for data reasons."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from emhwatch.assess.blocked import blocked_assessment, blocking
from emhwatch.assess.judgment import Judgment
from emhwatch.chart.build import build_chart
from emhwatch.errors import TableError
from emhwatch.model.assessment import Assessment
from emhwatch.model.history import History
from emhwatch.model.options import SiteOptions
from emhwatch.tables.load import TableSet
from emhwatch.types import Resource

__all__ = ["SiteOptions", "evaluate"]


def evaluate(
    resources: Sequence[Resource],
    *,
    focus: str | None,
    patient: str | None = None,
    now: datetime,
    tables: TableSet,
    options: SiteOptions = SiteOptions(),  # noqa: B008 - frozen
    history: History | None = None,
    incomplete: Sequence[str] = (),
    searched: bool = False,
    withdrawn: bool = False,
    draft_orders: Sequence[Resource] = (),
    hook: str | None = None,
) -> Assessment:
    """Decide for one patient at `now` (policy 2-7); a failure is row R0 with `error` set.

    `searched`: the resources are all that a server had, but for what `incomplete` names; without it nothing is known
    of a kind of record that is not there.

    Raises:
        TableError: the tables are not valid.
    """
    day = now.astimezone(ZoneInfo(options.timezone)).date()
    try:
        chart = build_chart(
            resources,
            focus=focus,
            patient=patient,
            now=now,
            tables=tables,
            options=options,
            draft_orders=draft_orders,
            incomplete=incomplete,
            searched=searched,
        )
        reason = blocking(chart, withdrawn=withdrawn, hook=hook)
        if reason is not None:
            return blocked_assessment(reason, chart, now=now, day=day, tables=tables, history=history)
        return Judgment(chart, tables, options, history, tuple(incomplete), hook).assessment(now)
    except TableError:
        raise  # wrong tables are no matter of the patient
    except Exception as error:  # noqa: BLE001 - whatever fails must read as "not assessed", never as "no EMH" (H21)
        failed = blocked_assessment("failed", None, now=now, day=day, tables=tables, history=None)
        return replace(
            failed, id=focus or "", focus=focus, patient=patient, error=f"evaluation-failed: {type(error).__name__}"
        )
