"""The masses of a patient over all reports: what is about the same mass, and is it there (policy 3.3, 3.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from emhwatch.assess.statements import coded_fact, film, sectional
from emhwatch.chart.model import Chart, CodedFinding, CodeHit, Disorder, Report, ReportKind, Study
from emhwatch.model.assessment import Coding, Fact
from emhwatch.model.days import Days
from emhwatch.model.reading import Finding, Reading, TextMass
from emhwatch.tables.load import TableSet
from emhwatch.types import Experiencer, Section, Side, Source, Temporality, Value

_THORACIC, _LUMBAR = "T", "L"
_HINTED = (Value.PRESENT, Value.POSSIBLE)
_SPINE = tuple([f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)] + [f"L{n}" for n in range(1, 6)])


@dataclass(frozen=True, slots=True)
class Mention:
    """What one report says about one mass; a denial without a mass of its own has `mass` None."""

    report: Report
    value: Value
    mass: TextMass | None
    denial: Finding | None = None

    @property
    def days(self) -> Days | None:
        """Date of the report."""
        return self.report.days

    @property
    def order(self) -> tuple[date, str, bool]:
        """Newest last; of one moment CT and MRI last."""
        days = self.report.days
        return (days.last if days else date.min, self.report.issued or "", sectional(self.report))


@dataclass(frozen=True, slots=True)
class Mass:
    """One mass over all reports, newest mention first."""

    mentions: tuple[Mention, ...]
    value: Value
    reason: str | None  #: why it is only possible, code of `missing.csv`
    site_class: str | None
    site_keys: tuple[str, ...]
    side: Side | None
    levels: tuple[str, ...]
    size_mm: float | None
    count: int | None
    pooled: bool
    evidence: Fact

    @property
    def report(self) -> Report | None:
        """The newest report that states it."""
        return self.mentions[0].report if self.mentions else None

    @property
    def first_seen(self) -> Days | None:
        """Date of the oldest report that states it."""
        seen = [m.days for m in self.mentions if m.days is not None and m.value in _HINTED]
        return min(seen, default=None)


@dataclass(frozen=True, slots=True)
class Masses:
    """All masses that stand, and the answer for the patient when none does."""

    standing: tuple[Mass, ...]
    denied: tuple[Mass, ...]
    denials: tuple[Mention, ...]
    value: Value  #: present or possible when a mass stands, else absent or unknown
    deciding: Report | None  #: the newest report that counts for A
    coded_day: Days | None = None  #: date of the coded evidence, when that decides


def find_masses(chart: Chart, tables: TableSet) -> Masses:
    """Group the mentions of all usable reports into masses and weigh them."""
    key = tables.keys.one("mass")
    reports = [r for r in chart.reports if r.usable and r.kind is ReportKind.IMAGING and r.reading is not None]
    mentions, denials = _mentions(reports, key)
    groups: list[list[Mention]] = []
    for mention in sorted(mentions, key=lambda m: m.order, reverse=True):
        _join(groups, mention)
    hinted = [group for group in groups if any(m.value in _HINTED for m in group)]
    lone = [mention for group in groups if group not in hinted for mention in group]
    denials += lone
    weighed = [_weigh(group, denials, chart, tables, key) for group in hinted]
    standing = tuple(mass for mass in weighed if mass.value in _HINTED)
    denied = tuple(mass for mass in weighed if mass.value is Value.ABSENT)
    everything = sorted([*mentions, *denials], key=lambda m: m.order, reverse=True)
    deciding = everything[0].report if everything else None
    if standing:
        value = Value.PRESENT if any(m.value is Value.PRESENT for m in standing) else Value.POSSIBLE
        return Masses(standing, denied, tuple(denials), value, deciding)
    if everything:
        return Masses((), denied, tuple(denials), Value.ABSENT, deciding)
    coded = _coded(chart, tables)
    if coded is not None:
        mass, days = coded
        return Masses((mass,), (), (), Value.POSSIBLE, None, days)
    return Masses((), (), (), Value.UNKNOWN, None)


def _mentions(reports: Sequence[Report], key: str) -> tuple[list[Mention], list[Mention]]:
    mentions: list[Mention] = []
    denials: list[Mention] = []
    for report in reports:
        reading = report.reading
        if reading is None or not reading.supported:
            continue
        own = [
            Mention(report, Value.ABSENT, None, finding)
            for finding in reading.findings
            if finding.key == key and finding.value is Value.ABSENT and finding.mass is None
            if finding.experiencer is Experiencer.PATIENT
        ]
        denials += own
        for mass in reading.masses:
            mention = Mention(report, mass.value, mass)
            asked = mass.section in (
                Section.REQUEST,
                Section.COMPARISON,
            )  # named there only, and denied by the findings
            if mass.value is not Value.UNKNOWN and not (asked and any(_covers(denial, [mention]) for denial in own)):
                mentions.append(mention)
    return mentions, denials


def _join(groups: list[list[Mention]], mention: Mention) -> None:
    """Put a mention to the mass that it is about: never two masses of one report together."""
    for group in groups:
        others = [m for m in group if m.report is not mention.report]
        if others and len(others) == len(group) and any(_same(m.mass, mention.mass) for m in others):
            group.append(mention)
            return
    for group in groups:  # a report may name the parts of one mass of another report apart
        others = [m for m in group if m.report is not mention.report]
        if others and any(_same(m.mass, mention.mass) for m in others):
            group.append(mention)
            return
    groups.append([mention])


def _same(one: TextMass | None, other: TextMass | None) -> bool:
    if one is None or other is None:
        return False
    return same_mass((one.site_class, one.side, one.levels), (other.site_class, other.side, other.levels))


def same_mass(
    one: tuple[str | None, Side | None, Sequence[str]], other: tuple[str | None, Side | None, Sequence[str]]
) -> bool:
    """Same site class, same side (both sides match either), levels that overlap or are unknown (policy 7.3)."""
    if one[0] and other[0] and one[0] != other[0]:
        return False
    if one[1] and other[1] and one[1] is not other[1] and Side.BILATERAL not in (one[1], other[1]):
        return False
    return not one[2] or not other[2] or bool(_spread(one[2]) & _spread(other[2]))


def _spread(levels: Sequence[str]) -> set[int]:
    """Positions from the highest to the lowest level."""
    places = [_SPINE.index(level) for level in levels if level in _SPINE]
    return set(range(min(places), max(places) + 1)) if places else set()


def _weigh(group: list[Mention], denials: Sequence[Mention], chart: Chart, tables: TableSet, key: str) -> Mass:
    matching = [d for d in denials if _covers(d, group) and not any(m.report is d.report for m in group)]
    mentions = sorted([*group, *matching], key=lambda m: m.order, reverse=True)
    last = mentions[0]
    scans = [m for m in mentions if sectional(m.report)]
    value, reason = last.value, None
    if last.value is Value.ABSENT:
        if not sectional(last.report) and scans and scans[0].value in _HINTED:
            value, reason = Value.POSSIBLE, "later-film-denies"
    elif not _recent(last, chart, tables):
        value, reason = Value.POSSIBLE, "old-report"
    if value is Value.POSSIBLE and reason is None:
        reason = _source(last)
    recent = [m for m in mentions if m.mass is not None and m.value in _HINTED and _recent(m, chart, tables)]
    shown = recent or [m for m in group if m.value in _HINTED]
    masses = [m.mass for m in shown if m.mass is not None]
    classes = [mass.site_class for mass in masses if mass.site_class]
    best = next((m for m in shown if not film(m.report)), shown[0])
    first = best.mass or masses[0]
    return Mass(
        mentions=tuple(mentions),
        value=value,
        reason=reason,
        site_class="A1" if "A1" in classes else (classes[0] if classes else None),
        site_keys=tuple(dict.fromkeys(site for mass in masses for site in mass.site_keys)),
        side=_first_side(shown),
        levels=tuple(sorted({level for mass in masses for level in mass.levels}, key=_place)),
        size_mm=next((mass.size_mm for mass in masses if mass.size_mm is not None), None),
        count=max((mass.count for mass in masses if mass.count is not None), default=None),
        pooled=any(mass.pooled for mass in masses),
        evidence=mention_fact(key, value, last if last.mass else best, last.mass or first),
    )


def _recent(mention: Mention, chart: Chart, tables: TableSet) -> bool:
    """Not older than 730 days; a report without a date is of today while it is the one under evaluation."""
    if mention.days is None:
        return mention.report is chart.focus_report
    return mention.days.within(chart.t, tables.decision.constants["mass_newest_evidence"])


def _first_side(mentions: Sequence[Mention]) -> Side | None:
    """The side as the newest scan, else the newest film, states it; parts on both sides are both sides."""
    ranked = sorted(mentions, key=lambda m: film(m.report))
    sides = [m.mass.side for m in ranked if m.mass is not None and m.mass.side is not None]
    own = {m.mass.side for m in ranked if m.mass and m.mass.side and m.report is ranked[0].report}
    if {Side.LEFT, Side.RIGHT} <= own:
        return Side.BILATERAL
    return sides[0] if sides else None


def _place(level: str) -> int:
    return _SPINE.index(level) if level in _SPINE else len(_SPINE)


def _covers(denial: Mention, group: Sequence[Mention]) -> bool:
    """Whether a denial names the mass or its region (policy 3.3)."""
    if denial.mass is not None:
        return any(_same(denial.mass, mention.mass) for mention in group)
    regions = set(denial.denial.regions) if denial.denial else set()
    masses = [mention.mass for mention in group if mention.mass is not None]
    if not regions:
        return any(mass.site_class in ("A1", None) for mass in masses)
    return any(regions & set(mass.site_keys) or not (mass.site_keys or mass.levels) for mass in masses)


def _source(mention: Mention) -> str:
    """Why a mass is only possible, by the mention that decides."""
    mass = mention.mass
    if mass is not None and mass.section in (Section.REQUEST, Section.COMPARISON):
        return "request-or-comparison"
    if mass is not None and mass.temporality is Temporality.HISTORICAL:
        return "request-or-comparison"
    return "plain-film" if film(mention.report) else "wording"


def mention_fact(key: str, value: Value, mention: Mention, shown: TextMass) -> Fact:
    """Words of a report about a mass as evidence."""
    return Fact(
        key=key,
        value=value,
        source=Source.TEXT,
        reference=mention.report.reference,
        version=mention.report.version,
        date=mention.days.last if mention.days else None,
        section=shown.section,
        start=shown.start,
        end=shown.end,
        text=shown.text,
        cue=shown.cue.rule if shown.cue else None,
        sentence=mention.report.reading.sentence(shown.start, shown.end) if mention.report.reading else None,
    )


_Told = Disorder | CodedFinding | Study | Report
_GONE = frozenset(("inactive", "remission", "resolved"))
#: Site names of `mappings/chart/sites.csv` that are site class A2 when they stand alone.
_CLASS_2 = frozenset(("presacral", "epidural", "pleural"))


@dataclass(frozen=True, slots=True)
class _Coded:
    """One coded entry about a mass."""

    days: Days | None
    fact: Fact
    site_class: str
    site_keys: tuple[str, ...] = ()
    side: Side | None = None
    levels: tuple[str, ...] = ()


def _coded(chart: Chart, tables: TableSet) -> tuple[Mass, Days | None] | None:
    """Coded evidence: Condition, Observation, ImagingStudy, conclusion; not resolved, refuted or in error."""
    found: list[_Coded] = []
    for disorder in chart.disorders:
        if disorder.verification == "refuted" or disorder.clinical in _GONE:
            continue
        found += _of_hits(disorder, disorder.hits, disorder.sites, disorder.side, tables)
        found += _of_words(disorder, disorder.words, disorder.side, tables)
    for finding in chart.findings:
        if finding.value in _HINTED:
            found += _of_hits(finding, finding.hits, finding.sites, finding.side, tables)
    for study in chart.studies:
        if study.usable:
            found += _of_words(study, study.words, None, tables)
    for report in chart.reports:
        if report.usable:
            found += _of_hits(report, report.conclusions, report.sites, None, tables)
            found += _of_words(report, report.conclusion_words, None, tables)
    if not found:
        return None
    best = max(found, key=lambda item: item.days.last if item.days else date.min)
    mass = Mass(
        mentions=(),
        value=Value.POSSIBLE,
        reason="coded-only",
        site_class=best.site_class,
        site_keys=best.site_keys,
        side=best.side,
        levels=best.levels,
        size_mm=None,
        count=None,
        pooled=False,
        evidence=best.fact,
    )
    return mass, best.days


def _of_hits(
    entry: _Told, hits: Sequence[CodeHit], sites: tuple[str, ...], side: Side | None, tables: TableSet
) -> list[_Coded]:
    site_class = "A2" if sites and _CLASS_2.issuperset(sites) else "A1"
    return [
        _Coded(entry.days, _coded_fact(entry, hit.coding, tables), site_class, side=side)
        for hit in hits
        if any(tables.keys.has(key, "mass-word") for key in hit.keys)
    ]


def _of_words(entry: _Told, words: Reading | None, side: Side | None, tables: TableSet) -> list[_Coded]:
    """The same in words where a code was not known (`text` of a CodeableConcept, a description)."""
    if words is None or not words.supported:
        return []
    fact = _coded_fact(entry, None, tables)
    return [
        _Coded(entry.days, fact, mass.site_class or "A1", mass.site_keys, mass.side or side, mass.levels)
        for mass in words.masses
        if mass.value in _HINTED
    ]


def _coded_fact(entry: _Told, coding: Coding | None, tables: TableSet) -> Fact:
    words = entry.title if isinstance(entry, Report | Study) else entry.text
    return coded_fact(tables.keys.one("mass"), Value.POSSIBLE, entry, code=coding, text=words)
