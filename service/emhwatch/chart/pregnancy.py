"""Pregnancies from Conditions and Observations (policy 4.3: limits by trimester).

Stated meanings: a due date is day 280, a last period day 0, a gestational age counts back from its date. A pregnancy
with a known week lasts until its recorded end, else 300 days. One without a week lasts from the day it is stated until
its recorded end or a statement of no pregnancy, else 300 days.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

from emhwatch.chart.codes import Coded, coded
from emhwatch.chart.dates import parse_days, written
from emhwatch.chart.index import Located
from emhwatch.chart.model import Disorder, PregnancySpan
from emhwatch.chart.scope import Scope
from emhwatch.model.shape import concepts, flag, obj, text

_TERM, _LONGEST, _WEEK = timedelta(days=280), timedelta(days=300), 7
#: Units of a gestational age, in days.
_DAYS = {"wk": 7, "week": 7, "weeks": 7, "d": 1, "day": 1, "days": 1}


@dataclass(slots=True)
class Pregnancies:
    """Evidence, before it is joined."""

    dated: dict[date, tuple[date, str | None]] = field(default_factory=dict)  #: day 0: (last day, reference)
    stated: dict[date, tuple[date | None, str | None]] = field(default_factory=dict)  #: stated on: (end, reference)
    ends: set[date] = field(default_factory=set)

    def spans(self) -> tuple[PregnancySpan, ...]:
        """All pregnancies, in order."""
        found = [PregnancySpan(b, self._end(b, last), b, ref) for b, (last, ref) in sorted(self.dated.items())]
        for day, (end, ref) in sorted(self.stated.items()):
            if not any(span.first <= day <= span.last for span in found):
                found.append(PregnancySpan(day, self._end(day, end or day + _LONGEST), None, ref))
        return tuple(sorted(found, key=lambda s: (s.first, s.last)))

    def _end(self, first: date, last: date) -> date:
        return min((day for day in self.ends if first < day < last), default=last)


def read_pregnancy_condition(scope: Scope, disorder: Disorder, found: Coded, into: Pregnancies) -> None:
    """A Condition that says pregnant, its week, or that the pregnancy is over."""
    names = _names(scope, found)
    if not names or disorder.verification == "refuted" or disorder.days is None:
        return
    day, end = disorder.days.first, disorder.abatement.last if disorder.abatement else None
    weeks = next((hit.value for hit in found.hits if hit.value and hit.value.isdigit()), None)
    if "ended" in names or "not-pregnant" in names:
        into.ends.add(day)
    elif "week" in names and weeks:
        _begin(into, day - timedelta(days=int(weeks) * _WEEK), end, disorder.reference)
    elif "pregnant" in names:
        into.stated.setdefault(day, (end, disorder.reference))


def read_pregnancy_observation(scope: Scope, located: Located, code: Coded, into: Pregnancies) -> None:
    """An Observation of the status, the due date, the last period or the gestational age."""
    node = located.resource
    asked = code.names(scope.chart.pregnancy)
    if not asked or scope.status(located) != "usable":
        return
    days = scope.past(scope.days(written(node, "effective") or text(node, "issued"), located, "effective[x]"))
    value = parse_days(written(node, "value") or "", scope.zone)
    if "due" in asked and value is not None:
        _begin(into, value.first - _TERM, None, located.reference)
    elif "last-period" in asked and value is not None:
        _begin(into, value.first, None, located.reference)
    elif "age" in asked and days is not None:
        quantity = obj(node, "valueQuantity")
        number = quantity.get("value")
        factor = _DAYS.get((text(quantity, "code") or text(quantity, "unit") or "").lower())
        if factor and isinstance(number, int | float) and 0 <= number * factor <= _LONGEST.days:
            _begin(into, days.first - timedelta(days=int(number * factor)), None, located.reference)
    elif days is not None:
        answer = _names(scope, coded(scope, concepts(node, "valueCodeableConcept")))
        said = flag(node, "valueBoolean")
        if "not-pregnant" in answer or said is False:
            into.ends.add(days.first)
        elif "pregnant" in answer or said or "pregnant" in asked:
            into.stated.setdefault(days.first, (None, located.reference))
        else:
            return
    scope.use(located)


def _names(scope: Scope, found: Coded) -> set[str]:
    signs = scope.chart.pregnancy
    return found.names(signs) or (signs.by_words(found.words, longest=True) if not found.hits else set())


def _begin(into: Pregnancies, day: date, end: date | None, reference: str | None) -> None:
    """Two datings within five weeks are one pregnancy; the earlier statement is kept."""
    if not any(abs((day - known).days) <= 5 * _WEEK for known in into.dated):
        into.dated[day] = (end or day + _LONGEST, reference)
