"""Calendar days known as an interval: a partial date is one, and counts only if every day of it does (policy 2.7)."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, order=True)
class Days:
    """A closed interval of calendar days in the hospital's time zone; `first == last` for a full date."""

    first: date
    last: date

    @classmethod
    def of(cls, day: date) -> "Days":
        """One day."""
        return cls(day, day)

    @property
    def exact(self) -> bool:
        """Whether this is one day."""
        return self.first == self.last

    def within(self, back_from: date, days: int, *, least: int = 0) -> bool:
        """Whether every day lies `least` to `days` days before `back_from`, both ends included."""
        return least <= (back_from - self.last).days and (back_from - self.first).days <= days
