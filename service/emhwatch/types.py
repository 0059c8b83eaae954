"""The closed value sets that every stage shares; wire values of policy 2.1, 5 and 7."""

from enum import StrEnum
from typing import Any, TypeAlias

#: A FHIR resource as decoded JSON.
Resource: TypeAlias = dict[str, Any]


class Value(StrEnum):
    """The four values of a fact (policy 2.1). Not mentioned is `UNKNOWN`, never `ABSENT`."""

    PRESENT = "present"
    POSSIBLE = "possible"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """How a mention is worded."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    HEDGED = "hedged"


class Temporality(StrEnum):
    """When a mention holds."""

    CURRENT = "current"
    HISTORICAL = "historical"
    RESOLVED = "resolved"
    PLANNED = "planned"
    HYPOTHETICAL = "hypothetical"


class Experiencer(StrEnum):
    """Whose finding it is."""

    PATIENT = "patient"
    OTHER = "other"


class Section(StrEnum):
    """Sections of a report that the policy treats differently (policy 2.4)."""

    REQUEST = "request"
    COMPARISON = "comparison"
    TECHNIQUE = "technique"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    RECOMMENDATION = "recommendation"
    ADDENDUM = "addendum"
    OTHER = "other"


class Side(StrEnum):
    """Side of a mass."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"
    MIDLINE = "midline"


class Source(StrEnum):
    """Where a fact comes from."""

    TEXT = "text"
    CODED = "coded"
    LAB = "lab"
    COMPUTED = "computed"


class Grade(StrEnum):
    """Grade of the anemia evidence (policy 4.1)."""

    B1 = "B1"
    B2 = "B2"
    B3 = "B3"
    SUSPECTED = "B?"
    NORMAL = "B0"
    UNKNOWN = "unknown"


class Biopsy(StrEnum):
    """Input F (policy 5.2)."""

    NONE = "none"
    RECOMMENDED = "recommended"
    ORDERED = "ordered"
    DONE_PENDING = "done-pending"
    UNKNOWN = "unknown"


class Histology(StrEnum):
    """Input H (policy 5.3)."""

    UNKNOWN = "unknown"
    EMH = "emh"
    OTHER = "other"


class Indicator(StrEnum):
    """What is shown (policy 7.1)."""

    NONE = "none"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    SUPPRESSED = "suppressed"


class Tier(StrEnum):
    """How well a mass fits (policy 6.3)."""

    STRONG = "strong"
    MODERATE = "moderate"
    LIMITED = "limited"
    NOT_ASSESSABLE = "not-assessable"
    NOT_SUPPORTED = "not-supported"
    NOT_APPLICABLE = "not-applicable"
    KNOWN = "known"
    EXCLUDED = "excluded"
    NOT_ASSESSED = "not-assessed"
