"""What was shown and answered before: input of de-duplication, override and withdrawal (policy 7.4-7.6)."""

from dataclasses import dataclass
from datetime import date

from emhwatch.types import Indicator, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class CardShown:
    """A card that a clinician or a channel got."""

    mass_key: str  #: stable key of the mass: site class, side, levels
    row: str
    card: str
    tier: Tier
    indicator: Indicator
    hook: str  #: hook name, or "event" for the event loop
    shown: date
    order: str | None  #: the biopsy order it was shown for
    report: str | None  #: versioned reference of the report it was built from
    observation: str | None = None  #: id of the Observation written then


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A clinician's override of a card."""

    mass_key: str
    tier: Tier
    at: date
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything remembered about one patient."""

    shown: tuple[CardShown, ...] = ()
    overrides: tuple[Override, ...] = ()
