"""F and H: a biopsy of the mass planned, done, resulted (policy 5.2, 5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from emhwatch.assess.evidence import Evidence
from emhwatch.assess.features import sampled_after
from emhwatch.assess.masses import Mass, Masses, same_mass
from emhwatch.assess.statements import TextSource, coded_fact, text_fact
from emhwatch.chart.model import Order, Procedure, Report, ReportKind
from emhwatch.model.assessment import Fact
from emhwatch.model.days import Days
from emhwatch.model.reading import Finding, Reading
from emhwatch.types import Biopsy, Certainty, Experiencer, Histology, Side, Temporality, Value

#: Names that the reader gives to statements about a biopsy; no keys of the policy (policy 5.2).
RECOMMENDED, DONE = "biopsy_recommended", "biopsy_done"
_BIOPSY = "biopsy"  #: kind of `mappings/chart/procedures.csv`
_INTENT_ORDER = frozenset(("order", "original-order", "reflex-order", "filler-order", "instance-order"))
_INTENT_PLAN = frozenset(("proposal", "plan", "directive", "option"))
_HINTED = (Value.PRESENT, Value.POSSIBLE)
_BY_ROLE = {"emh": Histology.EMH, "rival": Histology.OTHER, "disease": Histology.OTHER}  #: of a coded conclusion
_RANK = (Biopsy.NONE, Biopsy.RECOMMENDED, Biopsy.DONE_PENDING, Biopsy.ORDERED)


@dataclass(frozen=True, slots=True)
class Plan:
    """One reason for F."""

    value: Biopsy
    fact: Fact
    masses: frozenset[int]  #: indexes that it names; empty: it cannot be told
    priority: str | None = None
    order: Order | None = None
    side: Side | None = None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Biopsies:
    """Orders, recommendations, procedures and results of one chart."""

    evidence: Evidence
    masses: Masses

    def plan(self, index: int) -> Plan | None:
        """What F is built from, for one mass (-1: no mass stands)."""
        fitting = [plan for plan in self.plans if index < 0 or not plan.masses or index in plan.masses]
        return max(
            fitting, key=lambda plan: (_RANK.index(plan.value), bool(plan.order and plan.order.draft)), default=None
        )

    @cached_property
    def plans(self) -> list[Plan]:
        """Every reason for F."""
        return [*self._ordered(), *self._pending(), *self._recommended()]

    @cached_property
    def target(self) -> frozenset[int] | None:
        """Masses that the order is for; None without an order, or when it cannot be told."""
        orders = [plan for plan in self.plans if plan.value is Biopsy.ORDERED]
        drafts = [plan for plan in orders if plan.order and plan.order.draft] or orders
        named = [plan.masses for plan in drafts if plan.masses]
        return frozenset().union(*named) if named and len(named) == len(drafts) else None

    def _ordered(self) -> list[Plan]:
        found = []
        for order in self.evidence.chart.orders:
            value = _order_value(order)
            if value is None or not self._of_mass(order):
                continue
            if not order.draft and self._fulfilled(order.days):
                continue
            code = order.hits[0].coding if order.hits else None
            fact = coded_fact(RECOMMENDED, Value.PRESENT, order, code=code, text=order.text)
            named = self._named(order.side, order.levels, _site_class(order.words))
            found.append(Plan(value, fact, named, order.priority, order, order.side, order.levels))
        return found

    def _of_mass(self, order: Order) -> bool:
        """Whether the target can be a paraspinal-type mass; without a site its words or reason must name one."""
        if _BIOPSY not in order.kinds or order.do_not_perform or order.target is False:
            return False
        if order.target:
            return True
        reported = {mention.report.reference for mass in self.masses.standing for mention in mass.mentions}
        coded = {mass.evidence.reference for mass in self.masses.standing}
        return _names_mass(order.words) or bool((reported | coded) & set(order.reports))

    def _named(self, side: Side | None, levels: Sequence[str], site: str | None = None) -> frozenset[int]:
        """Masses that a side, a level or a class of site names; empty when it names none or all."""
        if side is None and not levels and site is None:
            return frozenset()
        standing = self.masses.standing
        fits = frozenset(
            index
            for index, mass in enumerate(standing)
            if same_mass((site, side, levels), (mass.site_class, mass.side, mass.levels))
        )
        return fits if len(fits) < len(standing) or len(standing) == 1 else frozenset()

    @cached_property
    def done(self) -> list[Procedure]:
        """Biopsies of the mass that were done, newest last."""
        targets = self.evidence.tables.chart.targets
        applicable = {order.reference for order in self.evidence.chart.orders if self._of_mass(order)}
        found = []
        for procedure in self.evidence.chart.procedures:
            if _BIOPSY not in procedure.kinds or procedure.days is None:
                continue
            named = any(targets.get(site, False) for site in procedure.sites)
            linked = not procedure.sites and (
                _names_mass(procedure.words) or bool(applicable & set(procedure.based_on))
            )
            if named or linked:
                found.append(procedure)
        return sorted(found, key=lambda procedure: procedure.days or Days.of(date.min))

    def _fulfilled(self, days: Days | None) -> bool:
        """A biopsy of the mass fulfils every recommendation and order dated before it."""
        return days is not None and any(p.days is not None and days.last <= p.days.first for p in self.done)

    def _pending(self) -> list[Plan]:
        window = self.evidence.tables.decision.constants["biopsy_pending"]
        found = []
        for procedure in self.done:
            days = procedure.days
            if days is None or not days.within(self.evidence.chart.t, window) or self._resulted(procedure):
                continue
            fact = coded_fact(DONE, Value.PRESENT, procedure, text=procedure.text)
            found.append(Plan(Biopsy.DONE_PENDING, fact, self._named(procedure.side, ())))
        return [*found, *self._pending_in_text(window)]

    def _pending_in_text(self, window: int) -> list[Plan]:
        found = []
        for source, finding in self._said(DONE):
            days = _stated_day(finding) or source.days
            if finding.value is not Value.PRESENT or days is None or not days.within(self.evidence.chart.t, window):
                continue
            if any(r.days is not None and r.days.last >= days.first for r in self.results):
                continue
            if any(f.key in self._histology_keys for f in source.reading.findings):
                continue
            found.append(Plan(Biopsy.DONE_PENDING, text_fact(source, finding), frozenset()))
        return found

    def _resulted(self, procedure: Procedure) -> bool:
        return any(
            report.reference in procedure.reports
            or (_taken(report) is not None and _taken(report).last >= procedure.days.first)  # type: ignore[union-attr]
            for report in self.results
        )

    def _said(self, key: str) -> list[tuple[TextSource, Finding]]:
        return [
            (source, finding)
            for source in self.evidence.sources
            for finding in source.reading.findings
            if finding.key == key
            and finding.experiencer is Experiencer.PATIENT
            and source.kind in ("report", "document")
        ]

    def _recommended(self) -> list[Plan]:
        window = self.evidence.tables.decision.constants["note_biopsy"]
        found = []
        for source, finding in self._said(RECOMMENDED):
            if finding.value not in _HINTED:
                continue
            deciding = source.report is not None and source.report is self.masses.deciding
            note = source.kind == "document" and source.days is not None
            if not deciding and not (note and source.days and source.days.within(self.evidence.chart.t, window)):
                continue
            if self._fulfilled(source.days):
                continue
            named = self._mass_of(source, finding)
            found.append(Plan(Biopsy.RECOMMENDED, text_fact(source, finding), named))
        return found

    def _mass_of(self, source: TextSource, finding: Finding) -> frozenset[int]:
        if finding.mass is None:
            return frozenset()
        fits = frozenset(
            index
            for index, mass in enumerate(self.masses.standing)
            for mention in mass.mentions
            if mention.report is source.report and mention.mass is not None and mention.mass.index == finding.mass
        )
        return fits if len(fits) < len(self.masses.standing) else frozenset()

    # ---- H ---------------------------------------------------------------------------

    @cached_property
    def _histology_keys(self) -> dict[str, Histology]:
        keys = self.evidence.tables.keys
        return {keys.one("histology-emh"): Histology.EMH, keys.one("histology-other"): Histology.OTHER}

    @cached_property
    def results(self) -> list[Report]:
        """Pathology reports of a specimen that can be of the mass."""
        targets = self.evidence.tables.chart.targets
        linked = {reference for procedure in self.done for reference in procedure.reports}
        ordered = {order.reference for order in self.evidence.chart.orders if self._of_mass(order)}
        found = []
        for report in self.evidence.chart.reports:
            if report.kind is not ReportKind.PATHOLOGY or not report.usable:
                continue
            if report.sites:
                matches = any(targets.get(site, False) for site in report.sites)
            else:
                matches = (
                    report.reference in linked
                    or bool(ordered & set(report.based_on))
                    or _names_mass(report.site_words)
                    or _names_mass(report.reading)
                )
            if matches:
                found.append(report)
        return found

    def histology(self, index: int, mass: Mass) -> tuple[Histology, Fact | None]:
        """H of one mass with its evidence; the newest conclusive result counts."""
        found: list[tuple[Days | None, Histology, Fact]] = []
        for report in self.results:
            taken = _taken(report)
            if not sampled_after(taken, mass) or not self._names(report, index, mass):
                continue
            found += [(taken, value, fact) for value, fact in self._conclusions(report)]
        for source in self.evidence.sources:
            found += self._told(source, mass)
        found.sort(key=lambda item: item[0].last if item[0] else date.min)
        return (found[-1][1], found[-1][2]) if found else (Histology.UNKNOWN, None)

    def _names(self, report: Report, index: int, mass: Mass) -> bool:
        """With several masses the sample must name this one; pooled masses share the result."""
        if len(self.masses.standing) == 1 or mass.pooled:
            return True
        spoken = [m for reading in (report.site_words, report.reading) if reading for m in reading.masses]
        named = [m for m in spoken if m.side is not None or m.levels]
        fits = {
            place
            for place, other in enumerate(self.masses.standing)
            for m in named
            if same_mass((None, m.side, m.levels), (None, other.side, other.levels))
        }
        return fits == {index}

    def _conclusions(self, report: Report) -> list[tuple[Histology, Fact]]:
        source = _source(report)
        found: list[tuple[Histology, Fact]] = []
        if source is not None:
            keys = self.evidence.tables.keys
            tumors = (*keys.role("rival"), *keys.role("b3-disease"), keys.one("cancer-active"))
            named = dict.fromkeys(tumors, Histology.OTHER) | {keys.one("names-emh"): Histology.EMH}
            named |= self._histology_keys  # in a pathology report the diagnosis named is the histology
            said = [f for f in source.reading.findings if f.key in named and _conclusive(f)]
            emh = [f for f in said if named[f.key] is Histology.EMH]
            back = {value: key for key, value in self._histology_keys.items()}
            for finding in emh or said:
                told = named[finding.key]
                found.append((told, replace(text_fact(source, finding), key=back[told])))
        by_value = {value: key for key, value in self._histology_keys.items()}
        for hit in report.conclusions:
            value = _BY_ROLE.get(hit.role)
            if value is not None:
                fact = coded_fact(by_value[value], Value.PRESENT, report, code=hit.coding, days=_taken(report))
                found.append((value, fact))
        return found

    def _told(self, source: TextSource, mass: Mass) -> list[tuple[Days | None, Histology, Fact]]:
        """Histology that an imaging report or a note tells of this mass."""
        report = source.report
        if source.kind not in ("report", "document") or (report and report.kind is ReportKind.PATHOLOGY):
            return []
        found = []
        for finding in source.reading.findings:
            if finding.key not in self._histology_keys or not _conclusive(finding):
                continue
            stated = _stated_day(finding)
            if stated is not None and not sampled_after(stated, mass):
                continue
            own = [m.mass.index for m in mass.mentions if m.report is report and m.mass is not None]
            if finding.mass is not None and report is not None and finding.mass not in own:
                continue
            if finding.mass is None and len(self.masses.standing) > 1 and not mass.pooled:
                continue
            value = self._histology_keys[finding.key]
            found.append((stated or source.days, value, text_fact(source, finding)))
        return found


def _order_value(order: Order) -> Biopsy | None:
    if order.draft:
        return Biopsy.ORDERED
    if order.status == "active" and order.intent in _INTENT_ORDER:
        return Biopsy.ORDERED
    if order.status in ("active", "on-hold") and order.intent in (_INTENT_ORDER | _INTENT_PLAN):
        return Biopsy.RECOMMENDED
    return None


def _names_mass(reading: Reading | None) -> bool:
    return reading is not None and any(mass.value is not Value.ABSENT for mass in reading.masses)


def _taken(report: Report) -> Days | None:
    return report.sampled or report.days


def _source(report: Report) -> TextSource | None:
    if report.reading is None or not report.reading.supported:
        return None
    return TextSource(
        report.reading, report.reference, report.version, report.days, report.issued or "", "report", report
    )


def _conclusive(finding: Finding) -> bool:
    said = finding.experiencer is Experiencer.PATIENT and finding.temporality not in (
        Temporality.HYPOTHETICAL,
        Temporality.PLANNED,
    )
    return said and finding.value is Value.PRESENT and finding.certainty is Certainty.AFFIRMED


def _stated_day(finding: Finding) -> Days | None:
    """The partial date beside a finding as an interval."""
    parts = (finding.date or "").split("-")
    if not all(part.isdecimal() for part in parts):
        return None
    try:
        year, month, day = (int(part) for part in (*parts, "0", "0")[:3])
        if day:
            return Days.of(date(year, month, day))
        if month:
            following = date(year + month // 12, month % 12 + 1, 1)
            return Days(date(year, month, 1), following - timedelta(days=1))
        return Days(date(year, 1, 1), date(year, 12, 31))
    except ValueError:
        return None


def _site_class(words: Reading | None) -> str | None:
    """Class of the site that an order's words name; None when they name none or several."""
    classes = {mass.site_class for mass in words.masses if mass.site_class} if words else set()
    return classes.pop() if len(classes) == 1 else None
