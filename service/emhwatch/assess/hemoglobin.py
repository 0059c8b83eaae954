"""Each hemoglobin sample against its limit, and the rules over several samples (policy 4.3, 4.4).

A partial date is an interval, and a window or gap counts only if it holds for every day of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from emhwatch.assess.person import Person, Sample
from emhwatch.model.days import Days
from emhwatch.tables.decision import DecisionTables


@dataclass(frozen=True, slots=True)
class Judged:
    """One sample with what the policy calls it."""

    sample: Sample
    limit: float | None  #: g/L; None: neither low nor normal
    low: bool
    usable_normal: bool
    acute: bool
    counted_low: bool

    @property
    def days(self) -> Days:
        """Date of the sample."""
        return self.sample.days


@dataclass(frozen=True)
class Hemoglobin:
    """All samples of a person, oldest first, one a day (the lowest)."""

    person: Person
    tables: DecisionTables
    shift: float = 0.0  #: site correction of every limit, g/L

    @property
    def _days(self) -> Mapping[str, int]:
        return self.tables.constants

    @cached_property
    def samples(self) -> tuple[Judged, ...]:
        """The samples, judged."""
        first = [self._judge(sample) for sample in lowest_of_day(self._decidable())]
        normals = [judged.days for judged in first if judged.usable_normal]
        return tuple(self._count(judged, normals) for judged in first)

    def _decidable(self) -> list[Sample]:
        """Without the values whose comparator leaves open whether they are low (policy 4.3)."""
        return [sample for sample in self.person.hb if sample.comparator is None or self._decides(sample)]

    def _decides(self, sample: Sample) -> bool:
        limits = self.limits(sample.days)
        return limits is not None and (_is_low(sample, limits[0]) or _is_normal(sample, limits[-1]))

    def limits(self, days: Days) -> tuple[float, ...] | None:
        """Every limit that a sample of this date can have; None when one of the moments has none."""
        found = set()
        for months, day in self.person.moments(days):
            gestation = self.person.gestation(day)
            inputs = {"months": months, "gestation": gestation, "sex": self.person.sex}
            rule = self.tables.hb_limits.first(inputs)
            limit = rule.result["limit_g_per_l"] if rule else ""
            if not limit:
                return None
            found.add(float(limit) + self.shift)
        return tuple(sorted(found))

    def _judge(self, sample: Sample) -> Judged:
        limits = self.limits(sample.days)
        if limits is None:
            return Judged(sample, None, False, False, self._acute(sample.days), False)
        low = _is_low(sample, limits[0])
        normal = _is_normal(sample, limits[-1]) and not self._transfused_before(sample.days)
        return Judged(sample, limits[0] if low else limits[-1], low, normal, self._acute(sample.days), False)

    def _transfused_before(self, days: Days) -> bool:
        shadow = self._days["transfusion_shadow"]
        return any(
            (days.first - given.last).days >= 0 and (days.last - given.first).days <= shadow
            for given in self.person.transfusions
        )

    def _acute(self, days: Days) -> bool:
        return any(_inside(days, episode) for episode in self.person.acute)

    def _count(self, judged: Judged, normals: Sequence[Days]) -> Judged:
        counted = (
            judged.low
            and judged.days.within(self.person.t, self._days["hb_single_low"])
            and not any(
                _inside(judged.days, episode) and self._normal_before(episode, normals) for episode in self.person.acute
            )
        )
        return Judged(judged.sample, judged.limit, judged.low, judged.usable_normal, judged.acute, counted)

    def _normal_before(self, episode: Days, normals: Sequence[Days]) -> bool:
        least, most = self._days["normal_before_bleed_min"], self._days["normal_before_bleed_max"]
        return any(days.within(episode.first, most, least=least) for days in normals)

    @cached_property
    def counted_lows(self) -> tuple[Judged, ...]:
        """Lows that count as a single low."""
        return tuple(judged for judged in self.samples if judged.counted_low)

    @cached_property
    def recent(self) -> tuple[Judged, ...]:
        """Usable samples of the last 90 days, oldest first."""
        recent = self._days["hb_recent"]
        return tuple(
            judged
            for judged in self.samples
            if (judged.low or judged.usable_normal) and judged.days.within(self.person.t, recent)
        )

    @cached_property
    def series(self) -> tuple[str, tuple[Judged, ...]] | None:
        """The kind, "chronic" or "pregnancy" with the two samples; None without a series."""
        least, most = self._days["series_gap_min"], self._days["series_gap_max"]
        lows = [judged for judged in self.samples if judged.low and not judged.acute]
        normals = [judged.days for judged in self.samples if judged.usable_normal]
        found: tuple[str, tuple[Judged, ...]] | None = None
        for later in reversed(lows):
            if not self.as_later_value(later.days):
                continue
            barrier = max((n.first for n in normals if n.last < later.days.first), default=date.min)
            for earlier in reversed(lows):
                gap_ok = (later.days.first - earlier.days.last).days >= least
                if not gap_ok or (later.days.last - earlier.days.first).days > most:
                    continue
                if barrier > earlier.days.last:
                    continue
                if not (self._pregnant(earlier.days) and self._pregnant(later.days)):
                    return "chronic", (earlier, later)
                found = found or ("pregnancy", (earlier, later))
        return found

    def as_later_value(self, days: Days) -> bool:
        """Whether a sample is dated as the later value of a series: report date - 365 days to `t`."""
        oldest = (self.person.report_day - days.first).days <= self._days["series_before_report"]
        return oldest and days.last <= self.person.t

    def _pregnant(self, days: Days) -> bool:
        return self.person.gestation(days.first) is not None and self.person.gestation(days.last) is not None


def lowest_of_day(samples: Sequence[Sample]) -> list[Sample]:
    """Of several values on one calendar day the lowest, oldest first."""
    lowest: dict[Days, Sample] = {}
    for sample in samples:
        kept = lowest.get(sample.days)
        if kept is None or sample.g_per_l < kept.g_per_l:
            lowest[sample.days] = sample
    return [lowest[days] for days in sorted(lowest)]


def _inside(days: Days, episode: Days) -> bool:
    return episode.first <= days.first and days.last <= episode.last


def _is_low(sample: Sample, limit: float) -> bool:
    """A value with `<` or `<=` is low if its bound is at or below the limit."""
    if sample.comparator in ("<", "<="):
        return sample.g_per_l <= limit
    return sample.comparator is None and sample.g_per_l < limit


def _is_normal(sample: Sample, limit: float) -> bool:
    """A value with `>` or `>=` is not low if its bound is at or above the limit."""
    if sample.comparator in (">", ">="):
        return sample.g_per_l >= limit
    return sample.comparator is None and sample.g_per_l >= limit
