"""One patient judged: chart -> masses, evidence, grade, points, rows -> `Assessment`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from emhwatch.assess.absences import missing, report_used
from emhwatch.assess.biopsy import Biopsies, Plan
from emhwatch.assess.blood import blood_of, extra_facts
from emhwatch.assess.decide import Decision, Question, decide
from emhwatch.assess.evidence import Evidence, lab_fact
from emhwatch.assess.features import Features, features
from emhwatch.assess.grade import Grading
from emhwatch.assess.hemoglobin import Hemoglobin
from emhwatch.assess.histology import Histologies
from emhwatch.assess.judge import age_values, aggregate_danger, score_mass
from emhwatch.assess.masses import Mass, Masses, find_masses
from emhwatch.assess.memory import silenced, withdrawal
from emhwatch.assess.score import Score, Scored
from emhwatch.assess.several import hold_offered, leading
from emhwatch.assess.specimens import Specimens
from emhwatch.assess.statements import newest
from emhwatch.chart.model import Chart, Drug, Report, ReportKind
from emhwatch.model.assessment import Assessment, Fact, Item, MassAssessment, RowTrace, Rules
from emhwatch.model.history import History
from emhwatch.model.options import SiteOptions
from emhwatch.tables.load import TableSet
from emhwatch.types import Biopsy, Grade, Histology, Source, Value

_THINNERS = frozenset(("anticoagulant", "antiplatelet"))  #: classes of `mappings/chart/drugs.csv`
_HINTED = (Value.PRESENT, Value.POSSIBLE)
_BY_CAUSE = (Grade.B1, Grade.B2)


@dataclass(frozen=True)
class Judgment:
    """Everything that follows from one chart."""

    chart: Chart
    tables: TableSet
    options: SiteOptions
    history: History | None
    incomplete: tuple[str, ...]
    hook: str | None

    @cached_property
    def masses(self) -> Masses:
        """The masses that stand."""
        return find_masses(self.chart, self.tables)

    @cached_property
    def evidence(self) -> Evidence:
        """Statements about the patient."""
        return Evidence.of(self.chart, self.tables, self.masses.deciding)

    @cached_property
    def specimens(self) -> Specimens:
        """What was sampled of the masses."""
        return Specimens(self.evidence, self.masses)

    @cached_property
    def biopsies(self) -> Biopsies:
        """F and H."""
        return Biopsies(self.specimens)

    @property
    def report_day(self) -> date:
        """Date of the newest report that counts for A, else of the coded evidence, else `t` (policy 2.7)."""
        deciding = self.masses.deciding
        days = deciding.days if deciding is not None else self.masses.coded_day
        return days.last if days is not None else self.chart.t

    @cached_property
    def grading(self) -> Grading:
        """The blood side."""
        person = self.evidence.person(self.report_day)
        hemoglobin = Hemoglobin(person, self.tables.decision, self.options.hemoglobin_shift_g_per_l)
        if hemoglobin.series is not None and self.evidence.prolong():
            person = self.evidence.person(self.report_day)
        return Grading(person, hemoglobin, self.tables.decision, self.tables.keys)

    @cached_property
    def danger_facts(self) -> tuple[Fact, ...]:
        """One fact for each danger item that is stated."""
        return tuple(statement.fact for statement in self.evidence.danger.values())

    @cached_property
    def danger(self) -> Value:
        """G."""
        return aggregate_danger({fact.key: fact.value for fact in self.danger_facts}, self.tables.keys)

    @cached_property
    def denied_emh(self) -> Fact | None:
        """Where no mass stands: the newest imaging report that speaks of EMH denies it (policy 5.4)."""
        said = [
            statement
            for statement in self.evidence.statements.get(self.tables.keys.one("names-emh"), ())
            if statement.report is not None and statement.report.kind is ReportKind.IMAGING
        ]
        last = newest(said)
        return last.fact if last is not None and last.value is Value.ABSENT and not self.masses.standing else None

    @cached_property
    def judged(self) -> tuple[tuple[MassAssessment, Decision, Features], ...]:
        """Each mass that stands, decided."""
        return tuple(self._judge(index, mass) for index, mass in enumerate(self.masses.standing))

    @cached_property
    def whole(self) -> tuple[MassAssessment, Decision, Features] | None:
        """The answer when no mass stands."""
        return None if self.judged else self._judge(-1, None)

    def _judge(self, index: int, mass: Mass | None) -> tuple[MassAssessment, Decision, Features]:
        found = features(mass, self.evidence) if mass is not None else Features({}, (), None)
        plan = self.biopsies.plan(index)
        histology, histology_fact = (
            Histologies(self.specimens).of(index, mass) if mass is not None else (Histology.UNKNOWN, None)
        )
        label = self.tables.keys.one("older-label")
        if histology is not Histology.UNKNOWN and found.older_label is not None:
            found = Features({k: f for k, f in found.facts.items() if k != label}, found.rivals, None)
        if histology_fact is not None:
            found.facts[histology_fact.key] = histology_fact
        score = score_mass(self.grading, found.values)
        names = found.values.get(self.tables.keys.one("names-emh"), Value.UNKNOWN)
        if mass is None and self.denied_emh is not None:
            names = Value.ABSENT
        value = mass.value if mass is not None else self.masses.value
        question = Question(
            mass=value,
            site=mass.site_class if mass is not None else None,
            blood=self.grading.grade,
            danger=self.danger,
            biopsy=plan.value if plan is not None else Biopsy.NONE,
            histology=histology,
            names_emh=names,
            supporting=score.supporting,
            opposing=score.opposing,
            major=score.major,
            colloid=found.values.get(self.tables.keys.one("colloid"), Value.UNKNOWN),
            years=self.grading.person.years(self.chart.t),
            rival_leads=any(found.values.get(k) is Value.PRESENT for k in self.tables.keys.role("rival-leading")),
            priority=plan.priority if plan is not None else None,
        )
        decision = decide(question, self.tables.decision)
        return self._mass(index, mass, question, decision, score, found, plan), decision, found

    def _mass(
        self, index: int, mass: Mass | None, question: Question, decision: Decision, score: Score,
        found: Features, plan: Plan | None,
    ) -> MassAssessment:  # fmt: skip
        known = {**self.evidence.values, **found.values}
        report = mass.report if mass is not None else self.masses.deciding
        target = self.biopsies.target
        return MassAssessment(
            index=index,
            value=question.mass,
            site_class=question.site,
            site_keys=mass.site_keys if mass is not None else (),
            side=mass.side if mass is not None else None,
            levels=mass.levels if mass is not None else (),
            size_mm=mass.size_mm if mass is not None else None,
            pooled=mass.pooled if mass is not None else False,
            row=decision.row,
            indicator=decision.indicator,
            tier=decision.tier,
            card=decision.card,
            hold_offered=decision.hold,
            supporting=score.supporting,
            opposing=score.opposing,
            net=score.net,
            major=score.major,
            histology=question.histology,
            biopsy=question.biopsy,
            names_emh=question.names_emh,
            items=tuple(self._item(line, index, found) for line in score.items),
            rivals=tuple(replace(fact, mass=index) for fact in found.rivals),
            not_described=tuple(key for key in self.tables.decision.scores.keys if key not in known),
            statement=replace(mass.evidence, mass=index) if mass is not None else None,
            source_reason=mass.reason if mass is not None else None,
            report=report_used(report, question.mass) if report is not None else None,
            biopsy_fact=plan.fact if plan is not None else None,
            emh_fact=found.facts.get(self.tables.keys.one("names-emh")),
            older_label=found.older_label,
            targeted=None if target is None else index in target,
        )

    def _item(self, line: Scored, index: int, found: Features) -> Item:
        fact = found.facts.get(line.key)
        if fact is not None:
            fact = replace(fact, mass=index)
        elif line.key in self.evidence.chosen:
            fact = self.evidence.chosen[line.key].fact
        return Item(key=line.key, group=line.group, points=line.points, value=line.value, fact=fact)

    # ---- the result ------------------------------------------------------------------

    def assessment(self, now: datetime) -> Assessment:
        """The whole answer."""
        masses = tuple(mass for mass, _, _ in self.judged)
        target = self.biopsies.target
        lead = leading(masses, target, self.tables.decision)
        whole = self.whole[0] if self.whole is not None else None
        answer = masses[lead] if lead is not None else whole
        if answer is None:
            raise AssertionError("either a mass leads or there is an answer without one")
        hold = hold_offered(masses, lead, target)
        plan = self.biopsies.plan(answer.index)
        report = self.masses.deciding
        told = withdrawal(
            answer.row, answer.indicator, self.history, blocked=None, report=[_versioned(r) for r in self.chart.reports]
        )
        years = self.grading.person.years(self.chart.t)
        return Assessment(
            id=self.chart.focus or "",
            focus=self.chart.focus,
            patient=self.chart.patient,
            now=now,
            t=self.chart.t,
            indicator=answer.indicator,
            row=answer.row,
            tier=answer.tier,
            card=answer.card,
            hold_offered=hold,
            lead=lead,
            value=answer.value,
            masses=masses,
            blood=blood_of(self.grading, self.evidence),
            danger=self.danger,
            danger_facts=self.danger_facts,
            rules=Rules(version=self.tables.version, digest=self.tables.digest),
            facts=tuple(self._facts()),
            missing=missing(
                self.chart, self.grading.hemoglobin, self.grading.grade, answer, self.incomplete, self.tables
            ),
            reports=tuple(report_used(r) for r in self.chart.reports),
            trace=tuple(self._trace()),
            withdrawal=told,
            silenced=silenced(
                answer,
                danger=self.danger,
                history=self.history,
                hook=self.hook,
                order=plan.order.reference if plan is not None and plan.order is not None else None,
                report=_versioned(report) if report is not None else None,
                t=self.chart.t,
                tables=self.tables.decision,
            ),
            anticoagulants=self._thinners(),
            pregnant=self.grading.person.gestation(self.chart.t) is not None,
            egfr=self._egfr(),
            age_years=years[0] if years is not None else None,
            sex=self.chart.sex,
            unread_patient=self._unread(),
            draft_order=next((p.order.reference for p in self.biopsies.plans if p.order and p.order.draft), None),
            sources=self.chart.sources,
            security=self.chart.security,
            whole=whole,
        )

    def _facts(self) -> Iterable[Fact]:
        """One fact for each key (and mass) that is not unknown (policy 17)."""
        for statement in self.evidence.chosen.values():
            yield statement.fact
        yield from self.danger_facts
        computed = age_values(self.grading)
        yield from extra_facts(self.grading, self.evidence, computed)
        collection = self.tables.keys.one("collection")
        if collection not in self.evidence.chosen:
            for statement in self.evidence.statements.get(collection, ())[:1]:
                yield statement.fact
        if not self.judged and self.masses.value is Value.ABSENT:
            yield self._denied()
        if self.denied_emh is not None:
            yield self.denied_emh
        for index, (_, _, found) in enumerate(self.judged):
            for fact in found.facts.values():
                yield replace(fact, mass=index)

    def _denied(self) -> Fact:
        key = self.tables.keys.one("mass")
        mentions = sorted(self.masses.denials, key=lambda m: m.order, reverse=True)
        if mentions:
            shown = mentions[0].mass or mentions[0].denial
            report = mentions[0].report
            return Fact(
                key=key,
                value=Value.ABSENT,
                source=Source.TEXT,
                reference=report.reference,
                version=report.version,
                date=report.days.last if report.days else None,
                section=shown.section if shown else None,
                start=shown.start if shown else None,
                end=shown.end if shown else None,
                text=shown.text if shown else None,
                sentence=report.reading.sentence(shown.start, shown.end) if shown and report.reading else None,
            )
        return replace(self.masses.denied[0].evidence, value=Value.ABSENT)

    def _trace(self) -> Iterable[RowTrace]:
        for mass, decision, _ in (*self.judged, *((self.whole,) if self.whole else ())):
            index = mass.index if mass.index >= 0 else None
            for passed in decision.passed:
                yield RowTrace(mass=index, row=passed.row, fired=False, failed=passed.failed)
            yield RowTrace(mass=index, row=decision.row, fired=True, failed=None)
            if decision.hold_failed and mass.biopsy is Biopsy.ORDERED:
                yield RowTrace(mass=index, row="hold", fired=False, failed=decision.hold_failed)

    def _thinners(self) -> tuple[Fact, ...] | None:
        if not self.chart.drug_list:
            return None
        return tuple(_drug(drug) for drug in self.chart.drugs if drug.active and _THINNERS & set(drug.classes))

    def _egfr(self) -> Fact | None:
        found = [(lab.days, lab) for lab in self.chart.labs if lab.analyte == "egfr" and lab.days is not None]
        return lab_fact(max(found, key=lambda item: item[0])[1]) if found else None

    def _unread(self) -> bool:
        report = self.chart.focus_report
        if self.grading.grade not in _BY_CAUSE or report is None or not report.usable:
            return False
        return report.reading is None or not report.reading.supported


def _versioned(report: Report) -> str:
    return f"{report.reference}/_history/{report.version}" if report.version else report.reference or ""


def _drug(drug: Drug) -> Fact:
    return Fact(
        key=drug.classes[0],
        value=Value.PRESENT,
        source=Source.CODED,
        reference=drug.reference,
        version=drug.version,
        date=drug.days.last if drug.days else None,
        text=drug.text,
        code=drug.hits[0].coding if drug.hits else None,
    )
