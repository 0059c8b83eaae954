"""Patient-level keys: every statement weighed to one value with its evidence (policy 2.6, 4.2, 4.5, 6.1)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

from emhwatch.assess.disease import Diseases, affirmed
from emhwatch.assess.person import MONTHS_OF_YEAR, Lab, Person, Pregnancy, Sample, completed_months
from emhwatch.assess.statements import (
    STRENGTH,
    Statement,
    TextSource,
    coded_fact,
    coded_statement,
    film,
    finding_statements,
    newest,
    strongest,
    text_sources,
    text_statements,
)
from emhwatch.chart.model import ORDER_INTENTS, Chart, HbValue, LabValue, Report
from emhwatch.model.assessment import Fact
from emhwatch.model.days import Days
from emhwatch.model.reading import MEASURED
from emhwatch.tables.load import TableSet
from emhwatch.types import Section, Source, Temporality, Value

#: Name that the reader gives to it beside the key of the policy.
_LOST = "spleen-lost"
_TRANSFUSION, _SPLENECTOMY = "transfusion", "splenectomy"  #: kinds of `mappings/chart/procedures.csv`


@dataclass(frozen=True)
class Evidence:
    """All statements of one chart, and what they make of each key of the patient."""

    chart: Chart
    tables: TableSet
    deciding: Report | None = None  #: the newest report that counts for A
    sources: list[TextSource] = field(default_factory=list)
    spoken: dict[int, list[Statement]] = field(default_factory=dict)  #: by identity of the reading, read once

    @classmethod
    def of(cls, chart: Chart, tables: TableSet, deciding: Report | None) -> "Evidence":
        """Read the texts once."""
        return cls(chart, tables, deciding, text_sources(chart))

    def said(self, source: TextSource) -> list[Statement]:
        """What one text says."""
        key = id(source.reading)
        if key not in self.spoken:
            self.spoken[key] = list(text_statements(source))
        return self.spoken[key]

    @cached_property
    def statements(self) -> dict[str, list[Statement]]:
        """Key -> statements; only keys of the policy."""
        found: dict[str, list[Statement]] = defaultdict(list)
        for statement in self._all():
            if statement.fact.key in self.tables.keys.by_key:
                found[statement.fact.key].append(statement)
        return found

    def _all(self) -> Iterable[Statement]:
        diseases = Diseases(self.chart, self.tables)
        for source in self.sources:
            for statement in self.said(source):
                judged = None if self._of_a_child(statement) else diseases.of_text(statement)
                if judged is not None and judged.fact.key == self.tables.keys.one("splenectomy"):
                    judged = _spleen_gone(source, judged)
                if judged is not None:
                    yield judged
        for disorder in self.chart.disorders:
            yield from diseases.of_condition(disorder)
            if disorder.words is not None and disorder.words.supported:
                spoken = TextSource(
                    disorder.words, disorder.reference, disorder.version, disorder.days, "", "condition"
                )
                for statement in text_statements(spoken):
                    if (judged := diseases.of_words(disorder, statement)) is not None:
                        yield judged
        for finding in self.chart.findings:
            yield from finding_statements(finding)
        yield from self._conclusions()
        yield from self._drugs()
        yield from self._labs()
        yield from self._transfusions()
        yield from self._splenectomies()

    def _of_a_child(self, statement: Statement) -> bool:
        """A measured spleen says something of adults only (policy 6.1); without a birth date their limits hold."""
        measured = statement.fact.cue == MEASURED and statement.fact.key == self.tables.keys.one("spleen")
        if not measured or self.chart.birth is None:
            return False
        day = statement.days.last if statement.days else self.chart.t
        adult = self.tables.decision.constants["adult_years"]
        return completed_months(self.chart.birth.last, day) < adult * MONTHS_OF_YEAR

    def _conclusions(self) -> Iterable[Statement]:
        """Coded conclusions: a rival that they name is about the mass, never a disease of the patient (policy 2.2)."""
        for report in self.chart.reports:
            if not report.usable:
                continue
            for hit in report.conclusions:
                keys = (hit.rival,) if hit.rival else hit.keys
                for key in keys:
                    made = coded_statement(key, Value.PRESENT, report, "conclusion", code=hit.coding)
                    yield replace(made, report=report)

    def _drugs(self) -> Iterable[Statement]:
        windows = self.tables.decision.drug_windows
        for drug in self.chart.drugs:
            code = drug.hits[0].coding if drug.hits else None
            for key in drug.named:
                window = windows.get(key)
                if window is None:
                    continue
                recent = any(d is not None and d.within(self.chart.t, window) for d in (drug.days, drug.until))
                if drug.active or recent:
                    yield coded_statement(key, Value.PRESENT, drug, "drug", code=code, text=drug.text)

    def _labs(self) -> Iterable[Statement]:
        for rule in self.tables.decision.lab_keys:
            for lab in self.chart.labs:
                number = lab.value if lab.comparator is None else None
                if lab.analyte == rule.analyte and rule.says(number, low=lab.low, high=lab.high):
                    yield coded_statement(
                        rule.key, Value.PRESENT, lab, "laboratory", text=lab.original, source=Source.LAB
                    )

    def _transfusions(self) -> Iterable[Statement]:
        key = self.tables.keys.one("transfused")
        for order in self.chart.orders:
            standing = order.standing and order.status == "active" and order.intent in ORDER_INTENTS
            if _TRANSFUSION in order.kinds and standing and not order.do_not_perform:
                yield coded_statement(key, Value.PRESENT, order, "order", text=order.text)
        constants = self.tables.decision.constants
        counted = [
            transfusion
            for transfusion in self.chart.transfusions
            if transfusion.days is not None
            and transfusion.days.within(self.chart.t, constants["transfusion_window"])
            and not any(e.first <= transfusion.days.first and transfusion.days.last <= e.last for e in self.acute)
        ]
        counted.sort(key=lambda transfusion: transfusion.days or Days.of(date.min))
        episodes, last = [], None
        for transfusion in counted:
            days = transfusion.days
            if days is None:
                continue
            if last is None or (days.first - last).days >= constants["transfusion_same_episode"]:
                episodes.append(transfusion)
            last = days.last
        if len(episodes) >= constants["transfusion_episodes"]:
            yield coded_statement(key, Value.PRESENT, episodes[-1], "computed", text=episodes[-1].text)

    def _splenectomies(self) -> Iterable[Statement]:
        """A splenectomy not for an injury counts with a hemolytic disease; it is weighed in `values`."""
        key = self.tables.keys.one("splenectomy")
        for procedure in self.chart.procedures:
            if _SPLENECTOMY in procedure.kinds and not procedure.of_episode:
                yield coded_statement(key, Value.PRESENT, procedure, "splenectomy", text=procedure.text)
        for disorder in self.chart.disorders:
            for hit in disorder.hits:
                if hit.role == "splenectomy" and disorder.verification != "refuted":
                    yield coded_statement(key, Value.PRESENT, disorder, "splenectomy", code=hit.coding)

    @cached_property
    def acute(self) -> tuple[Days, ...]:
        """Acute episodes, each from its start to 30 days after, or to its recorded end (policy 4.4)."""
        length = timedelta(days=self.tables.decision.constants["acute_episode"])
        found = []
        for episode in self.chart.episodes:
            if episode.days is None:
                continue
            last = max(episode.days.first + length, episode.until.first if episode.until else date.min)
            if episode.days.last <= last:
                found.append(Days(episode.days.last, last))
        return tuple(found)

    @cached_property
    def chosen(self) -> dict[str, Statement]:
        """Key of the patient -> the statement that counts."""
        found: dict[str, Statement] = {}
        for key, statements in self.statements.items():
            entry = self.tables.keys.by_key[key]
            if entry.of_mass or entry.general or entry.key in self.tables.keys.role("danger"):
                continue
            statement = self._choose(key, statements)
            if statement is not None and statement.value is not Value.UNKNOWN:
                found[key] = statement
        for key, implied in self.tables.decision.implications.items():
            if key in found:
                for other in implied:
                    self._imply(found, found[key], other)
        self._splenectomy(found)
        for key, beside in self.tables.decision.yields:
            if beside in found and found[beside].value is Value.PRESENT:
                found.pop(key, None)
        return found

    def _choose(self, key: str, statements: list[Statement]) -> Statement | None:
        keys, constants = self.tables.keys, self.tables.decision.constants
        if keys.has(key, "symptom"):
            return strongest([s for s in statements if self._recent_symptom(s)])
        if not keys.has(key, "newest"):
            return strongest([s for s in statements if s.kind != "splenectomy" or s.value is Value.PRESENT])
        window = constants["mass_newest_evidence"]
        spoken = [s for s in statements if s.finding and s.days and s.days.within(self.chart.t, window)]
        spoken = [s for s in spoken if not (s.report and film(s.report))] or spoken
        coded = [s for s in statements if not s.finding]
        return newest(spoken) or strongest(coded)

    def _recent_symptom(self, statement: Statement) -> bool:
        if statement.temporality is not Temporality.CURRENT:
            return False
        if statement.report is not None and statement.report is self.deciding:
            return True
        window = self.tables.decision.constants["symptom_document"]
        return statement.days is not None and statement.days.within(self.chart.t, window)

    def _imply(self, found: dict[str, Statement], statement: Statement, other: str) -> None:
        if self.tables.keys.by_key[other].of_mass:
            return
        if other not in found or STRENGTH[found[other].value] < STRENGTH[statement.value]:
            found[other] = replace(statement, fact=replace(statement.fact, key=other))

    def _splenectomy(self, found: dict[str, Statement]) -> None:
        """Without a stated reason it counts only in a hemolytic disease (policy 6.1)."""
        key = self.tables.keys.one("splenectomy")
        stated = [s for s in self.statements.get(key, []) if s.kind != "splenectomy"]
        hemolytic = any(k in found and found[k].value is Value.PRESENT for k in self.tables.keys.role("hemolytic"))
        if key in found and not hemolytic:
            best = strongest(stated)
            if best is None:
                del found[key]
            else:
                found[key] = best

    def prolong(self) -> bool:
        """Take a certain deficiency for long-standing, as a series of low Hb shows (policy 4.2); False: none."""
        key = self.tables.keys.one("long-standing")
        chosen = self.chosen.get(key)
        if chosen is None or chosen.value is not Value.POSSIBLE:
            return False
        certain = [statement for statement in self.statements[key] if affirmed(self.chart, statement)]
        if certain:
            fact = replace(certain[0].fact, value=Value.PRESENT)
            self.chosen[key] = replace(certain[0], fact=fact)
            self.values[key] = Value.PRESENT
        return bool(certain)

    @cached_property
    def values(self) -> dict[str, Value]:
        """Key of the patient -> value."""
        return {key: statement.value for key, statement in self.chosen.items()}

    @cached_property
    def danger(self) -> dict[str, Statement]:
        """Per danger item the newest statement that counts (policy 5.1)."""
        constants = self.tables.decision.constants
        found = {}
        for key in self.tables.keys.role("danger"):
            counted = [s for s in self.statements.get(key, []) if self._current_danger(s, constants)]
            statement = newest(counted)
            if statement is not None:
                found[key] = statement
        return found

    def _current_danger(self, statement: Statement, constants: Mapping[str, int]) -> bool:
        if statement.temporality is Temporality.HISTORICAL or statement.kind in ("order", "study", "procedure"):
            return False
        if statement.finding is not None and statement.finding.section is Section.COMPARISON:
            return False
        days = statement.days
        if days is None:
            return statement.report is not None and statement.report is self.deciding
        if statement.report is not None and statement.report is self.deciding:
            return days.within(self.chart.t, constants["mass_newest_evidence"])
        return days.within(self.chart.t, constants["danger_document"])

    def person(self, report_day: date) -> Person:
        """What the blood grade is computed from."""
        labs: dict[str, tuple[Lab, ...]] = defaultdict(tuple)
        for lab in self.chart.labs:
            if lab.days is not None:
                labs[lab.analyte] += (Lab(lab.days, lab.value, lab.high, lab_fact(lab), lab.comparator),)
        return Person(
            t=self.chart.t,
            report_day=report_day,
            birth=self.chart.birth,
            sex=self.chart.sex,
            pregnancies=tuple(Pregnancy(p.first, p.last, p.began) for p in self.chart.pregnancies),
            hb=tuple(
                Sample(hb.days, hb.g_per_l, hb.comparator, hb_fact(hb, self.tables.keys.one("low-hb")))
                for hb in self.chart.hemoglobin
                if hb.days is not None
            ),
            transfusions=tuple(t.days for t in self.chart.transfusions if t.days is not None),
            acute=self.acute,
            labs=labs,
            values=self.values,
        )


def _spleen_gone(source: TextSource, statement: Statement) -> Statement | None:
    """A splenectomy in words has no stated reason; a spleen that was lost to the disease itself needs none."""
    if source.kind == "procedure":
        return None  # the Procedure itself says it
    start = statement.fact.start
    own = any(f.key == _LOST and f.start == start for f in source.reading.findings)
    return statement if own or statement.value is not Value.PRESENT else replace(statement, kind="splenectomy")


def hb_fact(hb: HbValue, key: str) -> Fact:
    """A hemoglobin as evidence."""
    made = coded_fact(key, Value.PRESENT, hb, text=hb.original, source=hb.source)
    return replace(made, section=hb.section, start=hb.start, end=hb.end)


def lab_fact(lab: LabValue) -> Fact:
    """Another laboratory value as evidence; its analyte stands for the key."""
    made = coded_fact(lab.analyte, Value.PRESENT, lab, text=lab.original, source=lab.source)
    return replace(made, section=lab.section, start=lab.start, end=lab.end)
