"""The right to work one event: a lane, a fencing token and the end of the lease by the clock of the data store."""

from dataclasses import dataclass

from emhwatch.errors import EmhError, RetryClass
from emhwatch.model.event import ResourceEvent


class LeaseLost(EmhError):
    """Another worker holds the event now; nothing more may be written for it here."""

    code = "lease-lost"
    issue_type = "conflict"
    retry = RetryClass.TRANSIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One event in work."""

    event_id: int
    event: ResourceEvent
    lane: str
    token: int
    attempt: int  #: 1 for the first
    accepted_ms: int
    waited_ms: int  #: from accepted to claimed
    trace: str  #: that the notification belonged to, empty when nobody notified
    lapsed: bool  #: taken over from a worker whose lease ended
