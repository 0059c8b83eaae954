"""How often and how late a request is sent again."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter; a server's `Retry-After` wins over it."""

    attempts: int = 4  #: requests in all
    first_s: float = 0.2
    limit_s: float = 5.0  #: longest pause; a longer `Retry-After` is left to the caller

    def pause_s(self, attempt: int, asked_s: float | None, uniform: Callable[[], float]) -> float | None:
        """Seconds before the next attempt after attempt number `attempt` (from 1), or None to give up."""
        if attempt >= self.attempts or (asked_s is not None and asked_s > self.limit_s):
            return None
        if asked_s is not None:
            return asked_s + uniform() * self.first_s
        return float(min(self.limit_s, self.first_s * 2 ** (attempt - 1)) * (0.5 + 0.5 * uniform()))
