"""Several masses: which one the card is built from, and the hold gate over all of them (policy 7.3)."""

from collections.abc import Sequence

from emhwatch.model.assessment import MassAssessment
from emhwatch.tables.decision import DecisionTables


def leading(masses: Sequence[MassAssessment], target: frozenset[int] | None, tables: DecisionTables) -> int | None:
    """Index of the mass that the card is built from: the target of the order, else the highest."""
    pool = [mass for mass in masses if target is None or mass.index in target] or list(masses)
    if not pool:
        return None

    def height(mass: MassAssessment) -> tuple[int, int, int, int]:
        indicator = tables.rank["indicator"].get(mass.indicator, 0)
        return indicator, tables.rank["tier"].get(mass.tier, 0), mass.net, -mass.index

    return max(pool, key=height).index


def hold_offered(masses: Sequence[MassAssessment], lead: int | None, target: frozenset[int] | None) -> bool:
    """The matched mass passes the gate, or, when the target cannot be matched, every mass does."""
    if lead is None:
        return False
    pool = masses if target is None else [mass for mass in masses if mass.index in target]
    return bool(pool) and all(mass.hold_offered for mass in pool)
