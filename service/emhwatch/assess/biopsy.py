"""F: a biopsy of the mass recommended, ordered, or done and waiting for its result (policy 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from emhwatch.assess.evidence import Evidence
from emhwatch.assess.masses import Masses, same_mass
from emhwatch.assess.specimens import Specimens, sampled, stated_day
from emhwatch.assess.statements import TextSource, coded_fact, text_fact
from emhwatch.chart.model import ORDER_INTENTS, Order, Procedure
from emhwatch.model.assessment import Fact
from emhwatch.model.days import Days
from emhwatch.model.reading import Finding, Reading
from emhwatch.types import Biopsy, Experiencer, Side, Value

#: Names that the reader gives to statements about a biopsy; no keys of the policy (policy 5.2).
RECOMMENDED, DONE = "biopsy_recommended", "biopsy_done"
_INTENT_PLAN = frozenset(("proposal", "plan", "directive", "option"))
_HINTED = (Value.PRESENT, Value.POSSIBLE)
_URGENCY = (None, "routine", "urgent", "asap", "stat")  #: codes of FHIR R4, request-priority
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
    """Orders, recommendations and unresulted procedures of one chart."""

    specimens: Specimens

    @property
    def evidence(self) -> Evidence:
        """All statements of the chart."""
        return self.specimens.evidence

    @property
    def masses(self) -> Masses:
        """All masses of the chart."""
        return self.specimens.masses

    def plan(self, index: int) -> Plan | None:
        """What F is built from, for one mass (-1: no mass stands)."""
        fitting = [plan for plan in self.plans if index < 0 or not plan.masses or index in plan.masses]
        return max(fitting, key=_height, default=None)

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
            if value is None or not self.specimens.of_mass(order):
                continue
            if not order.draft and self._fulfilled(order.days):
                continue
            code = order.hits[0].coding if order.hits else None
            fact = coded_fact(RECOMMENDED, Value.PRESENT, order, code=code, text=order.text)
            named = self._named(order.side, order.levels, _site_class(order.words))
            found.append(Plan(value, fact, named, order.priority, order, order.side, order.levels))
        return found

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

    def _fulfilled(self, days: Days | None) -> bool:
        """A biopsy of the mass fulfils every recommendation and order dated before it; its result tells of one, too."""
        taken = [procedure.days for procedure in self.specimens.done]
        taken += [sampled(report) for report in self.specimens.results]
        return days is not None and any(day is not None and days.last <= day.first for day in taken)

    def _pending(self) -> list[Plan]:
        window = self.evidence.tables.decision.constants["biopsy_pending"]
        found = []
        for procedure in self.specimens.done:
            days = procedure.days
            if days is None or not days.within(self.evidence.chart.t, window) or self._resulted(procedure):
                continue
            fact = coded_fact(DONE, Value.PRESENT, procedure, text=procedure.text)
            found.append(Plan(Biopsy.DONE_PENDING, fact, self._named(procedure.side, ())))
        return [*found, *self._pending_in_text(window)]

    def _pending_in_text(self, window: int) -> list[Plan]:
        found = []
        for source, finding in self._said(DONE):
            days = stated_day(finding) or source.days
            if finding.value is not Value.PRESENT or days is None or not days.within(self.evidence.chart.t, window):
                continue
            if any(r.days is not None and r.days.last >= days.first for r in self.specimens.results):
                continue
            if any(f.key in self.specimens.histology_keys for f in source.reading.findings):
                continue
            found.append(Plan(Biopsy.DONE_PENDING, text_fact(source, finding), frozenset()))
        return found

    def _resulted(self, procedure: Procedure) -> bool:
        taken = (day for report in self.specimens.results if (day := sampled(report)) is not None)
        linked = any(report.reference in procedure.reports for report in self.specimens.results)
        return linked or (procedure.days is not None and any(day.last >= procedure.days.first for day in taken))

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


def _order_value(order: Order) -> Biopsy | None:
    if order.draft:
        return Biopsy.ORDERED
    if order.status == "active" and order.intent in ORDER_INTENTS:
        return Biopsy.ORDERED
    if order.status in ("active", "on-hold") and order.intent in (ORDER_INTENTS | _INTENT_PLAN):
        return Biopsy.RECOMMENDED
    return None


def _height(plan: Plan) -> tuple[int, bool, int]:
    """The order of the hook counts first; of several orders the most urgent one, which is never held."""
    urgency = _URGENCY.index(plan.priority) if plan.priority in _URGENCY else 0
    return _RANK.index(plan.value), bool(plan.order and plan.order.draft), urgency


def _site_class(words: Reading | None) -> str | None:
    """Class of the site that an order's words name; None when they name none or several."""
    classes = {mass.site_class for mass in words.masses if mass.site_class} if words else set()
    return classes.pop() if len(classes) == 1 else None
