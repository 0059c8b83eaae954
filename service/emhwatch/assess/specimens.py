"""What was sampled of the mass: procedures done and pathology reports of them (policy 5.2, 5.3)."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from emhwatch.assess.evidence import Evidence
from emhwatch.assess.masses import Masses
from emhwatch.chart.model import Order, Procedure, Report, ReportKind
from emhwatch.model.days import Days
from emhwatch.model.reading import Finding, Reading
from emhwatch.types import Histology, Value

_BIOPSY = "biopsy"  #: kind of `mappings/chart/procedures.csv`


@dataclass(frozen=True)
class Specimens:
    """Biopsies of the mass in one chart."""

    evidence: Evidence
    masses: Masses

    def of_mass(self, order: Order) -> bool:
        """Whether the target can be a paraspinal-type mass; without a site its words or reason must name one."""
        if _BIOPSY not in order.kinds or order.do_not_perform or order.target is False:
            return False
        if order.target:
            return True
        reported = {mention.report.reference for mass in self.masses.standing for mention in mass.mentions}
        coded = {mass.evidence.reference for mass in self.masses.standing}
        return _names_mass(order.words) or bool((reported | coded) & set(order.reports))

    @cached_property
    def done(self) -> list[Procedure]:
        """Biopsies of the mass that were done, newest last."""
        targets = self.evidence.tables.chart.targets
        applicable = {order.reference for order in self.evidence.chart.orders if self.of_mass(order)}
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

    @cached_property
    def histology_keys(self) -> dict[str, Histology]:
        """Key of the policy -> what it says of the mass."""
        keys = self.evidence.tables.keys
        return {keys.one("histology-emh"): Histology.EMH, keys.one("histology-other"): Histology.OTHER}

    @cached_property
    def results(self) -> list[Report]:
        """Pathology reports of a specimen that can be of the mass."""
        targets = self.evidence.tables.chart.targets
        linked = {reference for procedure in self.done for reference in procedure.reports}
        ordered = {order.reference for order in self.evidence.chart.orders if self.of_mass(order)}
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


def _names_mass(reading: Reading | None) -> bool:
    return reading is not None and any(mass.value is not Value.ABSENT for mass in reading.masses)


def sampled(report: Report) -> Days | None:
    """When the specimen was taken, else the date of the report."""
    return report.sampled or report.days


def stated_day(finding: Finding) -> Days | None:
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
