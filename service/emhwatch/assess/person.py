"""What the blood grade is computed from, cleaned and dated; plain values, no FHIR."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from emhwatch.model.assessment import Fact
from emhwatch.model.days import Days
from emhwatch.tables.rules import Bounds
from emhwatch.types import Value

MONTHS_OF_YEAR = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """One hemoglobin value (policy 4.3)."""

    days: Days
    g_per_l: float
    comparator: str | None = None  #: "<", "<=", ">", ">="
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class Lab:
    """One other laboratory value, in the unit of `mappings/decision/constants.csv`."""

    days: Days
    value: float | None
    high: bool
    fact: Fact | None = None
    comparator: str | None = None  #: "<", "<=", ">", ">="

    def below(self, limit: float) -> bool:
        """Below the limit; a value with `<` or `<=` if its bound is at or below it, as for hemoglobin (policy 4.3)."""
        if self.value is None or self.comparator in (">", ">="):
            return False
        return self.value < limit or (self.comparator in ("<", "<=") and self.value == limit)

    def above(self, limit: float) -> bool:
        """Above the limit; a value with `>` or `>=` if its bound is at or above it."""
        if self.value is None or self.comparator in ("<", "<="):
            return False
        return self.value > limit or (self.comparator in (">", ">=") and self.value == limit)


@dataclass(frozen=True, slots=True)
class Pregnancy:
    """A pregnancy; `began` is day 0, None when the week is unknown."""

    first: date
    last: date
    began: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One patient at the evaluation day `t`."""

    t: date
    report_day: date  #: date of the newest report that counts for A (policy 2.7)
    birth: Days | None = None
    sex: str | None = None
    pregnancies: tuple[Pregnancy, ...] = ()
    hb: tuple[Sample, ...] = ()
    transfusions: tuple[Days, ...] = ()
    acute: tuple[Days, ...] = ()  #: acute episodes, first to last day (policy 4.4)
    labs: Mapping[str, tuple[Lab, ...]] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)  #: patient-level keys

    def months(self, day: date) -> Bounds | None:
        """Completed months of age, lowest and highest possible; None if the birth date is unknown."""
        if self.birth is None:
            return None
        return completed_months(self.birth.last, day), completed_months(self.birth.first, day)

    def years(self, day: date) -> Bounds | None:
        """Completed years of age, lowest and highest possible."""
        months = self.months(day)
        return None if months is None else (months[0] // MONTHS_OF_YEAR, months[1] // MONTHS_OF_YEAR)

    def gestation(self, day: date) -> int | str | None:
        """Day of pregnancy, "unknown" for an unknown week, None when not pregnant."""
        found: int | str | None = None
        for pregnancy in self.pregnancies:
            if pregnancy.first <= day <= pregnancy.last:
                found = "unknown" if pregnancy.began is None else (day - pregnancy.began).days
                if pregnancy.began is not None:
                    break
        return found

    def moments(self, days: Days) -> Iterator[tuple[int | None, date]]:
        """The extremes of (months of age, day) that a dated value can mean."""
        births = () if self.birth is None else (self.birth.first, self.birth.last)
        for day in {days.first, days.last}:
            yield from ({(completed_months(born, day), day) for born in births} if births else {(None, day)})


def completed_months(born: date, day: date) -> int:
    """Completed calendar months of age."""
    return (day.year - born.year) * MONTHS_OF_YEAR + day.month - born.month - (day.day < born.day)
