"""What every reader of the chart needs: tables, dates of this evaluation, the index, and where gaps are noted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from emhwatch.chart.dates import parse_days
from emhwatch.chart.index import Index, Located
from emhwatch.chart.model import CodeHit, Gap
from emhwatch.model.assessment import Coding
from emhwatch.model.days import Days
from emhwatch.model.options import SiteOptions
from emhwatch.model.reading import Reading
from emhwatch.model.shape import obj, objects, text
from emhwatch.tables.chart import ChartTables
from emhwatch.tables.load import TableSet
from emhwatch.tables.text import TextTables
from emhwatch.text.read import read_report
from emhwatch.types import Resource

T = TypeVar("T")
_NAME_LIMIT = 128  #: code points of words that are a name rather than a note
_WORDS_LIMIT = 20_000  #: code points of a note; longer ones are reports and come as attachments


@lru_cache(maxsize=4096)  # names of codes come again with every patient
def _read_name(words: str, modality: str | None, tables: TextTables) -> Reading:
    return read_report(words, tables, modality=modality)


@dataclass(slots=True)
class Scope:
    """One evaluation of one set of resources."""

    tables: TableSet
    options: SiteOptions
    zone: ZoneInfo
    now: datetime
    t: date
    index: Index
    birth: Days | None = None
    gaps: list[Gap] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)  #: versioned references
    labels: dict[Coding, None] = field(default_factory=dict)
    hits: dict[tuple[str | None, ...], tuple[CodeHit, ...]] = field(default_factory=dict)  #: codes looked up before
    readings: dict[tuple[str, str | None], Reading] = field(default_factory=dict)  #: short words read before
    excluded: set[str] = field(default_factory=set)  #: references of resources of other patients

    @property
    def chart(self) -> ChartTables:
        """The tables of the chart."""
        return self.tables.chart

    def gap(self, code: str, where: Located | None = None, element: str | None = None) -> None:
        """Note something that is not used."""
        name = f"{where.kind}.{element}" if where and element else element
        self.gaps.append(Gap(code, where.reference if where else None, name))

    def refused(self, located: Located) -> str | None:
        """Why a resource may not be used at all, whatever it says; None when it may.

        Modifier extensions and implicit rules are not understood here, so nothing of the resource counts
        (R4, extensibility.html, "Modifier Extensions"; resource.html, "implicitRules").
        """
        resource = located.resource
        if resource.get("modifierExtension"):
            return "modifier-extension"
        if text(resource, "implicitRules"):
            return "implicit-rules"
        for label in objects(obj(resource, "meta"), "security"):
            if not self._open(label):
                return "restricted"
        return self.refused(located.parent) if located.parent else None

    def _open(self, label: Resource) -> bool:
        system, code = text(label, "system"), text(label, "code")
        if code is None or (system is not None and system not in self.chart.security_systems):
            return True
        if code in self.options.security_labels:
            return True
        systems = [system] if system else sorted(self.chart.security_systems)
        known = [self.chart.security[s, code] for s in systems if (s, code) in self.chart.security]
        return all(known) if known else system is None

    def use(self, located: Located) -> None:
        """Note a resource as used, with its security labels."""
        root = located.parent or located
        if root.versioned:
            self.used[root.versioned] = None
        for label in objects(obj(root.resource, "meta"), "security"):
            system, code = text(label, "system"), text(label, "code")
            if system and code:
                self.labels[Coding(system, code, text(label, "display"))] = None

    def status(self, located: Located, name: str = "status") -> str:
        """How the status of a resource lets it count, see `mappings/chart/statuses.csv`."""
        return self.chart.use(located.kind, text(located.resource, name))

    def days(self, value: str | None, where: Located, element: str) -> Days | None:
        """Days of a date; a bad one is noted."""
        if value is None:
            return None
        days = parse_days(value, self.zone)
        if days is None:
            self.gap("bad-date", where, element)
        return days

    def past(self, days: Days | None) -> Days | None:
        """Days up to the evaluation day; None when all of them come later.

        What is on record with a partial date has happened, so the part of the interval after `t` is cut off.
        """
        if days is None or days.first > self.t:
            return None
        return days if days.last <= self.t else Days(days.first, self.t)

    def read(self, words: str | None, *, modality: str | None = None) -> Reading | None:
        """Words of a note, code or order, read; None when there are none."""
        if words is None or not words.strip():
            return None
        if len(words) > _WORDS_LIMIT:
            self.gap("text-too-large")
            return None
        if len(words) <= _NAME_LIMIT:
            return _read_name(words, modality, self.tables.text)
        known = self.readings.get((words, modality))
        if known is None:
            known = self.readings[words, modality] = self.report(words, modality)
        return known

    def report(self, words: str, modality: str | None, *, pathology: bool = False) -> Reading:
        """A report text, read."""
        return read_report(words, self.tables.text, modality=modality, pathology=pathology)

    def guarded(self, read: Callable[[], T], default: T, where: Located | None = None) -> T:
        """Read one resource; one that breaks its reader is named and costs nothing else."""
        try:
            return read()
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            self.gap("malformed", where)
            return default
