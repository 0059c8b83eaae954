"""Circuit breaker of the FHIR server: while it is away nothing is claimed, so events wait without spending attempts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from emhwatch.errors import FhirError, FhirThrottled, FhirUnavailable, OutcomeUnknown

_OPENS_AT = 3  #: failures without a success in between
_FIRST_S, _LONGEST_S = 1.0, 60.0


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Closed: events flow. Open: none is claimed for a while. Then half open: one is tried, and its end decides."""

    now: Callable[[], float]  #: seconds of a clock that only goes forward
    on_change: Callable[[bool], None] = lambda _: None  #: whether it is open now
    _failed: set[tuple[int, int]] = field(default_factory=set)
    _openings: int = 0  #: without a success in between; 0: closed
    _until: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the server was away when it was last asked."""
        return self._openings > 0

    @property
    def wait_s(self) -> float:
        """Seconds until an event may be claimed; 0.0 when one may be now."""
        return max(0.0, self._until - self.now()) if self.is_open else 0.0

    def room(self, wished: int, running: int) -> int:
        """How many of the wished events may be claimed beside those that run."""
        if not self.is_open:
            return wished
        return min(1, wished) if running == 0 and self.wait_s == 0.0 else 0

    def succeeded(self) -> None:
        """The server answered."""
        self._failed.clear()
        if self.is_open:
            self._openings, self._until = 0, 0.0
            self.on_change(False)

    def failed(self, error: BaseException, *, event_id: int, attempt: int) -> bool:
        """An event ended with this error; whether it must wait for the server, which is no fault of the event."""
        if not isinstance(error, FhirUnavailable | FhirThrottled | OutcomeUnknown):
            if isinstance(error, FhirError) and error.http_status is not None:
                self.succeeded()  # it refused the request, so it works
            return False
        asked_s = getattr(error, "retry_after_s", None)
        # An answer may concern this one resource only, however often it is tried; no answer concerns all.
        self._failed.add((event_id, 0 if error.http_status is not None else attempt))
        if self.is_open or asked_s or len(self._failed) >= _OPENS_AT:
            self._open(asked_s)
        return self.is_open

    def _open(self, asked_s: float | None) -> None:
        if self.wait_s > 0.0 and not asked_s:
            return  # one that was started before it opened
        was_open = self.is_open
        if self.wait_s == 0.0:
            self._openings += 1
        pause_s = min(_LONGEST_S, _FIRST_S * 2 ** min(self._openings - 1, 10))
        self._until = max(self._until, self.now() + max(pause_s, asked_s or 0.0))
        if not was_open:
            self.on_change(True)
