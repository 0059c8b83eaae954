"""One evaluation: resources in, `Assessment` out. Pure, and never raises for data reasons."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from emhwatch.model.assessment import Assessment, Blood, Rules
from emhwatch.model.history import History
from emhwatch.model.options import SiteOptions
from emhwatch.tables.load import TableSet
from emhwatch.types import Grade, Indicator, Resource, Tier, Value

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
    withdrawn: bool = False,
    draft_orders: Sequence[Resource] = (),
    hook: str | None = None,
) -> Assessment:
    """Decide for one patient at `now` (policy 2-7); a failure is row R0 with `error` set."""
    return Assessment(
        id=focus or "",
        focus=focus,
        patient=patient,
        now=now,
        t=now.astimezone(ZoneInfo(options.timezone)).date(),
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
        error="not-evaluated",
    )
