"""Whether numbered events are missing. Pure.

Numbers arrive out of order even from a healthy server, start anew after its restart, and on some servers in each
notification. So a missing number only ever causes a look at the server, never an event by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: A number so far below what has arrived cannot be a late one: the server counts anew.
_FAR = 100
#: More open numbers are not kept: that far behind, a search finds what is missing.
_MOST_OPEN = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """How far the events of one Subscription have arrived."""

    number: int | None = None  #: all up to this one have arrived; None: nothing was heard yet
    expected: int | None = None  #: highest one that the server has spoken of
    seen: frozenset[int] = frozenset()  #: those between the two that have arrived

    @property
    def missing(self) -> tuple[int, int] | None:
        """First and last number that have not arrived."""
        if self.number is None or self.expected is None or self.number >= self.expected:
            return None
        last = self.expected
        while last in self.seen:
            last -= 1
        return self.number + 1, last

    def with_events(self, numbers: Iterable[int], total: int | None) -> "Count":
        """After a notification with these numbers, of a server that has counted `total` events."""
        arrived = frozenset(numbers)
        spoken = arrived | ({total} if total is not None else frozenset())
        if not spoken:
            return self
        if self.number is None or min(spoken) < self.number - _FAR:
            # What was before is found by the search that goes with every start.
            return Count(min(arrived) - 1 if arrived else max(spoken), max(spoken), frozenset())._with(arrived)
        return self._with(arrived, max(spoken))

    def restarted(self, total: int | None) -> "Count":
        """After a handshake: what the server counted before was never on its way to us."""
        return Count(total, total)

    @property
    def closed(self) -> "Count":
        """After the missing events have been looked for."""
        return Count(self.expected, self.expected)

    def _with(self, arrived: frozenset[int], spoken: int | None = None) -> "Count":
        assert self.number is not None  # noqa: S101 - both callers know it
        number, seen = self.number, {n for n in self.seen | arrived if n > self.number}
        while number + 1 in seen:
            number += 1
            seen.discard(number)
        expected = max(number, self.expected or 0, spoken or 0)
        if expected - number > _MOST_OPEN:
            seen = set()
        return Count(number, expected, frozenset(seen))
