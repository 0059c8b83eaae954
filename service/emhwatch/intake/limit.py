"""A token bucket a sender, so that one that floods us does not take the time of the others."""

from collections import OrderedDict
from collections.abc import Callable

_MOST_SENDERS = 10_000  #: the one that was quiet longest is forgotten; it starts again with a full bucket


class RateLimit:
    """Allows `rate_per_s` on the long run and twice that at once; a rate of 0 allows everything."""

    def __init__(self, rate_per_s: float, monotonic: Callable[[], float]) -> None:
        self._rate, self._most, self._monotonic = rate_per_s, max(1.0, 2 * rate_per_s), monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, sender: str) -> float:
        """Take one token of the sender; 0.0 when there was one, else the seconds until there is."""
        if self._rate <= 0:
            return 0.0
        now = self._monotonic()
        left, at = self._left.pop(sender, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        taken = left >= 1.0
        self._left[sender] = (left - 1.0 if taken else left, now)
        if len(self._left) > _MOST_SENDERS:
            self._left.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._rate
