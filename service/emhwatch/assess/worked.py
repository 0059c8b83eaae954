"""Worked cases (`mappings/cases/`) through the reader and the decision; for the authors of the tables. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from emhwatch.assess.decide import Question, decide
from emhwatch.assess.grade import Grading
from emhwatch.assess.hemoglobin import Hemoglobin
from emhwatch.assess.judge import aggregate_danger, score_mass
from emhwatch.assess.person import Lab, Person, Pregnancy, Sample
from emhwatch.model.days import Days
from emhwatch.model.reading import Reading
from emhwatch.tables.cases import CaseTables, DecisionCase, SentenceCase
from emhwatch.tables.load import TableSet
from emhwatch.text.read import read_report
from emhwatch.types import Biopsy, Experiencer, Histology, Temporality, Value

#: The evaluation day of every worked decision.
DAY = date(2025, 6, 15)
_STRENGTH = (Value.PRESENT, Value.POSSIBLE, Value.ABSENT)
_UNSAID = (Temporality.HYPOTHETICAL, Temporality.PLANNED)
_UNSAID_DANGER = (*_UNSAID, Temporality.HISTORICAL)
_WEEK, _MONTH, _YEAR, _TERM = 7, 31, 366, 280


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case with what was expected and what the tables answer."""

    name: str
    title: str
    file: str
    line: int
    expected: Mapping[str, str]
    answered: Mapping[str, str]  #: of what was asked

    @property
    def holds(self) -> bool:
        """Whether the answer is the expected one."""
        return self.expected == self.answered


def outcomes(cases: CaseTables, tables: TableSet) -> Iterator[Outcome]:
    """Every case, answered."""
    for sentence in cases.sentences:
        said = stated(sentence, tables)
        expected = {key: str(value) for key, value in sentence.expect.items()}
        found = {key: str(said.get(key, Value.UNKNOWN)) for key in expected}
        yield Outcome(sentence.name, sentence.text, sentence.file, sentence.line, expected, found)
    for case in cases.decisions:
        answers = answer(case, tables)
        found = {name: answers[name] for name in case.expect}
        yield Outcome(case.name, case.title, case.file, case.line, case.expect, found)


def stated(case: SentenceCase, tables: TableSet) -> dict[str, Value]:
    """The strongest value of every key that a text states."""
    reading = read_report(case.text, tables.text, modality=case.modality, language=case.language)
    found: dict[str, Value] = {}
    for key, value in _stated(reading, tables):
        if value in _STRENGTH and (key not in found or _STRENGTH.index(value) < _STRENGTH.index(found[key])):
            found[key] = value
    return found


def _stated(reading: Reading, tables: TableSet) -> Iterator[tuple[str, Value]]:
    """As the evaluation takes it: a mass as a whole; past danger, plans and questions say nothing (policy 2.1)."""
    keys = tables.keys
    for mass in reading.masses:
        for key in keys.role("mass"):
            yield key, mass.value
        for key in mass.site_keys:
            yield key, Value.PRESENT
    for finding in reading.findings:
        unsaid = _UNSAID_DANGER if keys.has(finding.key, "danger") else _UNSAID
        mention = finding.mass is not None and keys.has(finding.key, "mass")
        if finding.experiencer is Experiencer.PATIENT and finding.temporality not in unsaid and not mention:
            yield finding.key, finding.value


def answer(case: DecisionCase, tables: TableSet) -> dict[str, str]:
    """What the decision tables say to the inputs of one mass."""
    person, asked = _person(case, tables), case.asked
    grading = Grading(person, Hemoglobin(person, tables.decision), tables.decision, tables.keys)
    score = score_mass(grading, case.features)
    danger = aggregate_danger(person.values, tables.keys)
    leads = any(case.features.get(key) is Value.PRESENT for key in tables.keys.role("rival-leading"))
    colloid = [case.features.get(key, Value.UNKNOWN) for key in tables.keys.role("colloid")]
    decision = decide(
        Question(
            blocked=any(what == "blocked" for what, _, _ in case.chart),
            mass=Value(asked["mass"]),
            site=asked["site"] or None,
            blood=grading.grade,
            danger=danger,
            biopsy=Biopsy(asked["biopsy"]),
            histology=Histology(asked["histology"]),
            names_emh=Value(asked["names_emh"]),
            supporting=score.supporting,
            opposing=score.opposing,
            major=score.major,
            colloid=Value.PRESENT if Value.PRESENT in colloid else Value.UNKNOWN,
            years=person.years(DAY),
            rival_leads=leads,
            priority=asked["priority"] or None,
        ),
        tables.decision,
    )
    return {
        "blood": str(grading.grade),
        "danger": str(danger),
        "supporting": str(score.supporting),
        "opposing": str(score.opposing),
        "row": decision.row,
        "indicator": str(decision.indicator),
        "tier": str(decision.tier),
        "card": decision.card or "",
        "hold": "yes" if decision.hold else "no",
    }


def _person(case: DecisionCase, tables: TableSet) -> Person:
    episode = timedelta(days=tables.decision.constants["acute_episode"])
    labs: dict[str, tuple[Lab, ...]] = {}
    for name, value, ago in case.chart:
        if value is not None:
            labs[name] = (*labs.get(name, ()), Lab(Days.of(_ago(ago)), value, high=False))
    dated = {what: [_ago(ago) for name, _, ago in case.chart if name == what] for what in ("transfusion", "bleeding")}
    return Person(
        t=DAY,
        report_day=DAY,
        birth=_birth(case.asked["age"]),
        sex=case.asked["sex"] or None,
        pregnancies=tuple(
            Pregnancy(_ago(ago), _ago(ago - _TERM), _ago(ago)) for name, _, ago in case.chart if name == "pregnant"
        ),
        hb=tuple(Sample(Days.of(_ago(ago)), value) for value, ago in case.hb),
        transfusions=tuple(Days.of(day) for day in dated["transfusion"]),
        acute=tuple(Days(day, day + episode) for day in dated["bleeding"]),
        labs=labs,
        values=case.facts,
    )


def _ago(days: int) -> date:
    return DAY - timedelta(days=days)


def _birth(age: str) -> Days | None:
    """A birth date that gives this age: "40" years, "4 months", "5 weeks"."""
    if not age:
        return None
    number, _, unit = age.partition(" ")
    length = {"": _YEAR, "months": _MONTH, "weeks": _WEEK}[unit]
    return Days.of(_ago(int(number) * length))
