"""H: what tissue of the mass has shown (policy 5.3)."""

from dataclasses import dataclass, replace
from datetime import date

from emhwatch.assess.features import sampled_after
from emhwatch.assess.masses import Mass, same_mass
from emhwatch.assess.specimens import Specimens, sampled, stated_day
from emhwatch.assess.statements import TextSource, coded_fact, text_fact
from emhwatch.chart.model import Report, ReportKind
from emhwatch.model.assessment import Fact
from emhwatch.model.days import Days
from emhwatch.model.reading import Finding
from emhwatch.types import Certainty, Experiencer, Histology, Temporality, Value

_BY_ROLE = {"emh": Histology.EMH, "rival": Histology.OTHER, "disease": Histology.OTHER}  #: of a coded conclusion


@dataclass(frozen=True)
class Histologies:
    """Conclusive results about the masses of one chart."""

    specimens: Specimens

    def of(self, index: int, mass: Mass) -> tuple[Histology, Fact | None]:
        """H of one mass with its evidence; the newest conclusive result counts."""
        found: list[tuple[Days | None, Histology, Fact]] = []
        for report in self.specimens.results:
            taken = sampled(report)
            if not sampled_after(taken, mass) or not self._names(report, index, mass):
                continue
            found += [(taken, value, fact) for value, fact in self._conclusions(report)]
        for source in self.specimens.evidence.sources:
            found += self._told(source, mass)
        found.sort(key=lambda item: item[0].last if item[0] else date.min)
        return (found[-1][1], found[-1][2]) if found else (Histology.UNKNOWN, None)

    def _names(self, report: Report, index: int, mass: Mass) -> bool:
        """With several masses the sample must name this one; pooled masses share the result."""
        if len(self.specimens.masses.standing) == 1 or mass.pooled:
            return True
        spoken = [m for reading in (report.site_words, report.reading) if reading for m in reading.masses]
        named = [m for m in spoken if m.side is not None or m.levels]
        fits = {
            place
            for place, other in enumerate(self.specimens.masses.standing)
            for m in named
            if same_mass((None, m.side, m.levels), (None, other.side, other.levels))
        }
        return fits == {index}

    def _conclusions(self, report: Report) -> list[tuple[Histology, Fact]]:
        source = _source(report)
        found: list[tuple[Histology, Fact]] = []
        if source is not None:
            keys = self.specimens.evidence.tables.keys
            tumors = (*keys.role("rival"), *keys.role("b3-disease"), keys.one("cancer-active"))
            named = dict.fromkeys(tumors, Histology.OTHER) | {keys.one("names-emh"): Histology.EMH}
            named |= self.specimens.histology_keys  # in a pathology report the diagnosis named is the histology
            said = [f for f in source.reading.findings if f.key in named and _conclusive(f)]
            emh = [f for f in said if named[f.key] is Histology.EMH]
            back = {value: key for key, value in self.specimens.histology_keys.items()}
            for finding in emh or said:
                told = named[finding.key]
                found.append((told, replace(text_fact(source, finding), key=back[told])))
        by_value = {value: key for key, value in self.specimens.histology_keys.items()}
        for hit in report.conclusions:
            value = _BY_ROLE.get(hit.role)
            if value is not None:
                fact = coded_fact(by_value[value], Value.PRESENT, report, code=hit.coding, days=sampled(report))
                found.append((value, fact))
        return found

    def _told(self, source: TextSource, mass: Mass) -> list[tuple[Days | None, Histology, Fact]]:
        """Histology that an imaging report or a note tells of this mass."""
        report = source.report
        if source.kind not in ("report", "document") or (report and report.kind is ReportKind.PATHOLOGY):
            return []
        found = []
        for finding in source.reading.findings:
            if finding.key not in self.specimens.histology_keys or not _conclusive(finding):
                continue
            stated = stated_day(finding)
            if stated is not None and not sampled_after(stated, mass):
                continue
            own = [m.mass.index for m in mass.mentions if m.report is report and m.mass is not None]
            if finding.mass is not None and report is not None and finding.mass not in own:
                continue
            if finding.mass is None and len(self.specimens.masses.standing) > 1 and not mass.pooled:
                continue
            value = self.specimens.histology_keys[finding.key]
            found.append((stated or source.days, value, text_fact(source, finding)))
        return found


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
