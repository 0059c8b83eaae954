"""What a site decides about the resources that are written."""

from dataclasses import dataclass
from enum import StrEnum


class Quotes(StrEnum):
    """How much of a report's words leaves with the result."""

    OFF = "off"  #: neither words nor offsets
    OFFSETS = "offsets"  #: where it stands, not what
    SNIPPET = "snippet"  #: the quoted words, too


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Defaults write nothing beyond Observations, Device and Provenance."""

    software: str = "0"  #: version of this software
    server_url: str = ""  #: base URL for versioned references in identifiers
    quotes: Quotes = Quotes.SNIPPET
    source_references: bool = (
        True  #: False: sources as identifiers only; a server may refuse to delete what is referenced
    )
    performer: str | None = None  #: "Organization/1": performer of the Observations, whom the Device acts for
    recipient: str | None = None  #: reference that gets a Communication
    task_owner: str | None = None  #: reference that gets a Task
    flag: bool = False  #: a Flag on the patient
    alert_levels: frozenset[str] = frozenset({"critical", "warning"})  #: indicators that alert
