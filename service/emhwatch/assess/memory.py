"""What was shown and answered before: de-duplication, override, withdrawal (policy 7.4 to 7.6)."""

from collections.abc import Sequence
from datetime import date

from emhwatch.model.assessment import MassAssessment, Withdrawal
from emhwatch.model.history import CardShown, History
from emhwatch.tables.decision import DecisionTables
from emhwatch.types import Indicator, Value

_EVENT = "event"
_DANGER = (Value.PRESENT, Value.POSSIBLE)
_WITHDRAWN = "I-9"
_SILENT_ROWS = frozenset(("R0", "R3", "R4", "R9", "R10", "R12"))


def silenced(
    lead: MassAssessment | None,
    *,
    danger: Value,
    history: History | None,
    hook: str | None,
    order: str | None,
    report: str | None,
    t: date,
    tables: DecisionTables,
) -> str | None:
    """Return "dedup" or "override" when the card was shown or answered before and nothing changed, else None."""
    if lead is None or lead.card is None or history is None or danger in _DANGER:
        return None
    for override in history.overrides:
        fresh = 0 <= (t - override.at).days <= tables.constants["override"]
        if fresh and override.mass_key == lead.key and override.tier is lead.tier:
            return "override"
    shown = [card for card in history.shown if card.mass_key == lead.key and card.hook == (hook or _EVENT)]
    if not shown:
        return None
    last = max(reversed(shown), key=lambda card: card.shown)
    same = (last.row, last.card, last.tier, last.indicator) == (lead.row, lead.card, lead.tier, lead.indicator)
    fresh = 0 <= (t - last.shown).days <= tables.constants["dedup"]
    return "dedup" if same and fresh and last.report == report and order in (None, last.order) else None


def withdrawal(
    row: str, indicator: Indicator, history: History | None, *, blocked: str | None, report: Sequence[str]
) -> Withdrawal | None:
    """Card I-9: an earlier card of the patient no longer stands, and that was not told yet."""
    if history is None or indicator is not Indicator.NONE or row not in _SILENT_ROWS:
        return None
    if row == "R0" and blocked != "withdrawn-report":
        return None
    last = max(reversed(history.shown), key=lambda card: card.shown, default=None)  # of one day the latest
    if last is None or last.card == _WITHDRAWN:
        return None
    return Withdrawal(
        change=_change(last, blocked, report), observation=last.observation, card=last.card, shown=last.shown
    )


def _change(last: CardShown, blocked: str | None, reports: Sequence[str]) -> str:
    if blocked is not None:
        return "report-withdrawn"
    earlier, _, version = (last.report or "").partition("/_history/")
    amended = any(now.partition("/_history/")[0] == earlier and now != last.report for now in reports)
    return "report-amended" if version and amended else "new-data"
