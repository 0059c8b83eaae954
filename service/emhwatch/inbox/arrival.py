"""What intake hands to the inbox: the event, and what only the inbox needs to know of it. Pure."""

from dataclasses import dataclass

from emhwatch.model.event import ResourceEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One event on its way in."""

    event: ResourceEvent
    source: str  #: "hook", "topic", "poll", "reconcile", "pubsub", "event-grid", "replay"
    patient: str | None = None  #: "Patient/p1" as the payload says: decides the order of work and nothing else
    trace: str = ""  #: that the notification belongs to, see `telemetry.trace`


def lane_of(server: str, patient: str | None, reference: str) -> str:
    """Name of the lane: the patient's, else the resource's own."""
    return f"{server}|{patient or reference}"


def version_number(version: str | None) -> int | None:
    """The version as a number where it is one: FHIR does not promise it, and others cannot be compared."""
    if version and version.isascii() and version.isdecimal() and len(version) <= 18:
        return int(version)
    return None
