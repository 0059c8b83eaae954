"""How a mass went over the years: what its reports say of growth, with their dates (policy 6.1, 6.2, 17)."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from emhwatch.assess.evidence import Evidence
from emhwatch.assess.masses import Mass
from emhwatch.assess.statements import Statement, sectional
from emhwatch.model.days import Days
from emhwatch.types import Value

#: Name that the reader gives to "unchanged" without a length of time; no key of the policy.
UNCHANGED = "unchanged"
_HINTED = (Value.PRESENT, Value.POSSIBLE)
_MONTH = re.compile(r"\b((?:19|20)\d\d)(?:-(0[1-9]|1[0-2]))?\b")
_AFTER = len("-00")  #: a month may follow the year that the reader took


def dated_course(stated: dict[str, list[Statement]], mass: Mass, evidence: Evidence) -> None:
    """Make `stability` and late growth out of "unchanged", "grown" and the dates, in place.

    Unchanged counts from the oldest CT or MRI that saw the mass, or from the last growth, if that is 365 days before
    the report; growth is late after such a stability, or more than 365 days after the mass was first seen.
    """
    keys = evidence.tables.keys
    year = evidence.tables.decision.constants["stability"]
    stable, grown, late = keys.one("stable"), keys.one("grown"), keys.one("late")
    stated[stable] = [s for s in stated.get(stable, []) if s.report and sectional(s.report) and _since_long(s, year)]
    growths = [s for s in (*stated.get(grown, ()), *stated.get(late, ())) if s.value in _HINTED]
    grew = [s.days for s in growths if s.days is not None]
    for statement in stated.get(UNCHANGED, ()):
        start = _seen_unchanged(mass, statement, grew)
        if start is not None and _apart(start, statement.days, year):
            stated[stable].append(_named(statement, stable))
    quiet = [s.days for s in stated[stable] if s.days is not None and s.value is Value.PRESENT]
    first = mass.first_seen
    told = []
    for statement in growths:
        days = statement.days
        after = days is not None and any(earlier.last < days.first for earlier in quiet)
        old = first is not None and days is not None and (days.first - first.last).days > year
        if after or old or (statement.fact.key == late and _since_long(statement, year)):
            told.append(_named(statement, late))
    denied = [s for s in stated.get(late, ()) if s.value not in _HINTED]
    early = [s for s in growths if not any(s.report is t.report for t in told)]
    stated[grown] = [_named(s, grown) for s in early] + [s for s in stated.get(grown, ()) if s.value not in _HINTED]
    stated[late] = told + denied


def _seen_unchanged(mass: Mass, statement: Statement, grew: Iterable[Days]) -> Days | None:
    """The oldest CT or MRI from which the mass is the same up to a report of CT or MRI."""
    now, report = statement.days, statement.report
    if statement.value is not Value.PRESENT or now is None or report is None or not sectional(report):
        return None
    last = max((days.last for days in grew if days.last <= now.first), default=date.min)
    seen = [m.days for m in mass.mentions if m.days and m.value in _HINTED and sectional(m.report)]
    return min((days for days in seen if days.first >= last), default=None)


def _since_long(statement: Statement, year: int) -> bool:
    """A length of time in words; a year that they name must end 365 days before the report."""
    finding, days, report = statement.finding, statement.days, statement.report
    if finding is None or days is None or report is None or report.reading is None:
        return True
    named = _MONTH.findall(report.reading.text[finding.start : finding.end + _AFTER])
    return not named or any(_apart(_interval(int(y), int(m or 0)), days, year) for y, m in named)


def _interval(year: int, month: int) -> Days:
    if not month:
        return Days(date(year, 1, 1), date(year, 12, 31))
    return Days(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1))


def _apart(first: Days, last: Days | None, days: int) -> bool:
    return last is not None and (last.first - first.last).days >= days


def _named(statement: Statement, key: str) -> Statement:
    return replace(statement, fact=replace(statement.fact, key=key))
