"""FHIR dates to calendar days of the hospital.

One meaning each (policy 2.7): a full date is a day as written; an instant with offset is the day it falls on in the
hospital's time zone; an instant without offset is the hospital's local time; a year or month is the interval of its
days; a Period is its start, without start its end; an age or range of ages is the interval of days on which the patient
had it; free text is a date only if it is one.
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from emhwatch.model.days import Days
from emhwatch.model.shape import obj, objects, text, texts
from emhwatch.types import Resource

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_BEFORE = re.compile(r"\b((?:19|20)\d\d-\d\d(?:-\d\d)?)[^\d.;\n]{0,20}\Z")
_AFTER = re.compile(r"[^\d.,;\n]{0,12}((?:19|20)\d\d-\d\d(?:-\d\d)?)\b")
_BESIDE = 32  #: characters before a value in which its date ends
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?(Z|z|[+-]\d{2}:?\d{2})?")
#: Units of an Age, UCUM and as written; months in one, days in one.
_MONTHS = {"a": 12, "yr": 12, "y": 12, "year": 12, "years": 12, "mo": 1, "month": 1, "months": 1}
_DAYS = {"wk": 7, "week": 7, "weeks": 7, "d": 1, "day": 1, "days": 1}


def parse_days(value: str, zone: ZoneInfo) -> Days | None:
    """Days of a date or dateTime, None when it is neither."""
    moment = parse_instant(value, zone)
    if moment is not None:
        return Days.of(moment.astimezone(zone).date())
    match = _DATE.fullmatch(value)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        if year is None or month is None:
            return Days(date(year or 0, 1, 1), date(year or 0, 12, 31))
        if day is None:
            return Days(date(year, month, 1), date(year, month, monthrange(year, month)[1]))
        return Days.of(date(year, month, day))
    except ValueError:
        return None


def dates_beside(words: str, spans: Sequence[tuple[int, int]]) -> list[str | None]:
    """The ISO date (day or month) that stands right before or after each span; each date is of one span."""
    found: list[str | None] = []
    taken: set[int] = set()
    for start, end in spans:
        near = [_BEFORE.search(words, max(0, start - _BESIDE), start), _AFTER.match(words, end)]
        match = next((m for m in near if m and m.start(1) not in taken), None)
        taken |= {match.start(1)} if match else set()
        found.append(match[1] if match else None)
    return found


def parse_instant(value: str, zone: ZoneInfo) -> datetime | None:
    """The instant of a dateTime with time; without offset it is the hospital's local time."""
    match = _INSTANT.fullmatch(value)
    if match is None:
        return None
    day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}:{minute}:{min(int(second or 0), 59):02d}")
        moment = moment.replace(microsecond=int((fraction or "0").ljust(6, "0")[:6]))
        if offset is None:
            return moment.replace(tzinfo=zone)
        return datetime.fromisoformat(f"{moment.isoformat()}{'+00:00' if offset in 'Zz' else offset}")
    except ValueError:
        return None


def utc(value: str | None, zone: ZoneInfo) -> str | None:
    """An instant as UTC text that sorts by time; a date stands for its start; None when it is neither."""
    if value is None:
        return None
    moment = parse_instant(value, zone)
    if moment is None:
        days = parse_days(value, zone)
        if days is None:
            return None
        moment = datetime(days.first.year, days.first.month, days.first.day, tzinfo=zone)
    try:
        return moment.astimezone(UTC).isoformat(timespec="microseconds")
    except OverflowError:
        return None


def written(node: Resource, stem: str) -> str | None:
    """The date text of a choice element: `{stem}DateTime`, `Date`, `Instant`, Period start, else end, Timing event."""
    for name in (f"{stem}DateTime", f"{stem}Date", f"{stem}Instant"):
        if found := text(node, name):
            return found
    period = obj(node, f"{stem}Period")
    if found := text(period, "start") or text(period, "end"):
        return found
    events = texts(obj(node, f"{stem}Timing"), "event")
    return min(events, default=None) or text(node, f"{stem}String")


def ended(node: Resource, stem: str) -> str | None:
    """The end of `{stem}Period`."""
    return text(obj(node, f"{stem}Period"), "end")


def aged(node: Resource, stem: str, birth: Days | None) -> Days | None:
    """Days of `{stem}Age` or `{stem}Range`: when the patient had that age."""
    if birth is None:
        return None
    bounds = obj(node, f"{stem}Range")
    ages = objects(node, f"{stem}Age") or [item for item in (obj(bounds, "low"), obj(bounds, "high")) if item]
    spans = [span for span in (_age(age, birth) for age in ages) if span is not None]
    if not spans:
        return None
    return Days(min(span.first for span in spans), max(span.last for span in spans))


def _age(age: Resource, birth: Days) -> Days | None:
    number = age.get("value")
    unit = (text(age, "code") or text(age, "unit") or "").casefold()
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 150 * 12:
        return None
    try:
        if unit in _MONTHS:
            months = int(number * _MONTHS[unit])
            first = _later(birth.first, months)
            return Days(first, _later(birth.last, months + _MONTHS[unit]) - timedelta(days=1))
        if unit in _DAYS:
            span = timedelta(days=int(number * _DAYS[unit]))
            return Days(birth.first + span, birth.last + span + timedelta(days=_DAYS[unit] - 1))
    except (OverflowError, ValueError):
        return None
    return None


def _later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
