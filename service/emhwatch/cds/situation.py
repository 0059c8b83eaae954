"""What the wording of a card depends on, as named inputs (see `tables.cards.INPUTS`). Pure."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from emhwatch.model.assessment import Assessment, Fact, HbPoint, Item, MassAssessment, ReportUsed
from emhwatch.tables.cardparts import Group
from emhwatch.tables.load import TableSet
from emhwatch.tables.wording import Known, Situation
from emhwatch.types import Histology, Value

_STRENGTH = {Value.PRESENT: 3, Value.POSSIBLE: 2, Value.ABSENT: 1, Value.UNKNOWN: 0}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NOT_FOUND = "no-report-found"
_SILENT = "not-mentioned"


@dataclass(frozen=True, slots=True)
class Subject:
    """One card's evaluation with its lead mass and what was derived from them."""

    card: str
    assessment: Assessment
    tables: TableSet

    @property
    def mass(self) -> MassAssessment | None:
        """The mass that the card is built from, or the answer without a mass."""
        return self.assessment.leading

    @property
    def report(self) -> ReportUsed | None:
        """The report that states the mass."""
        return self.mass.report if self.mass else None

    @property
    def supporting(self) -> tuple[Item, ...]:
        """Scored lines for EMH."""
        return tuple(i for i in self._items() if i.group != "D")

    @property
    def opposing(self) -> tuple[Item, ...]:
        """Scored lines against EMH."""
        return tuple(i for i in self._items() if i.group == "D")

    @property
    def rivals(self) -> tuple[Fact, ...]:
        """Other diagnoses that the report offers, one fact a key."""
        return tuple({fact.key: fact for fact in (self.mass.rivals if self.mass else ())}.values())

    @property
    def unknown(self) -> tuple[Group, ...]:
        """Groups of features that the reports do not describe."""
        if self.mass is None:
            return ()
        keys = set(self.mass.not_described)
        keys |= {"side"} if self.mass.side is None else set()
        keys |= {"levels"} if not self.mass.levels else set()
        return tuple(g for g in self.tables.cards.undescribed if keys.issuperset(g.keys))

    @property
    def newest_hb(self) -> HbPoint | None:
        """Newest usable Hb of the recent window."""
        recent = self.tables.decision.constants["hb_recent"]
        usable = [p for p in self.assessment.blood.hb if p.limit is not None and (p.low or p.usable_normal)]
        newest = max(usable, key=lambda p: p.date, default=None)
        return newest if newest and 0 <= (self.assessment.t - newest.date).days <= recent else None

    @property
    def reason(self) -> str:
        """Why no report tells about the mass: a code of kind `report`."""
        reports = self.assessment.reports
        if not reports:
            return _NOT_FOUND
        newest = max(reports, key=lambda r: (r.usable, r.date or dt.date.min))
        return newest.reason or (_SILENT if newest.usable else _NOT_FOUND)

    def value(self, key: str) -> Value:
        """Strongest value of a key for the lead mass or the patient."""
        lead = self.assessment.lead
        values = (f.value for f in self.assessment.facts if f.key == key and f.mass in (None, lead))
        return max(values, key=_STRENGTH.__getitem__, default=Value.UNKNOWN)

    def _items(self) -> Iterable[Item]:
        return (i for i in (self.mass.items if self.mass else ()) if i.points > 0)


def number(fact: Fact | None) -> float | None:
    """The number that a laboratory fact holds."""
    match = _NUMBER.search(fact.text or "") if fact else None
    return float(match[0]) if match else None


def situation(subject: Subject) -> Situation:
    """All inputs of the wording."""
    a, mass = subject.assessment, subject.mass
    newest = subject.newest_hb
    days = subject.tables.decision.constants["danger_document"]
    recent = {r.modality for r in a.reports if r.modality and r.date and 0 <= (a.t - r.date).days <= days}
    inputs: dict[str, Known] = {
        **subject.tables.cards.no_facts,
        **{fact.key: frozenset((subject.value(fact.key),)) for fact in a.facts},
        "card": _one(subject.card),
        "row": _one(mass.row if mass else a.row),
        "blood": _one(a.blood.grade),
        "danger": _one(a.danger),
        "mass": _one(mass.value if mass else a.value),
        "ground": frozenset(g.id for g in a.blood.grounds),
        "reason": _one(subject.reason),
        "biopsy": _one(mass.biopsy if mass else None),
        "tier": _one(mass.tier if mass else a.tier),
        "histology": _one(mass.histology if mass else Histology.UNKNOWN),
        "names_emh": _one(mass.names_emh if mass else Value.UNKNOWN),
        "site": _one(mass.site_class if mass else None),
        "recent_modality": frozenset(recent),
        "newest_hb": _one("low" if newest.low else "normal") if newest else frozenset(),
        "drugs": _one("unknown" if a.anticoagulants is None else "some" if a.anticoagulants else "none"),
        "major": _yes(mass is not None and mass.major),
        "pooled": _yes(mass is not None and mass.pooled),
        "pregnant": _yes(a.pregnant),
        "hold": _yes(a.hold_offered),
        "counted_low": _yes(any(p.counted_low for p in a.blood.hb)),
        "report": _some(subject.report),
        "mass_words": _some(mass and mass.statement and mass.statement.text),
        "biopsy_words": _some(mass and mass.biopsy_fact and mass.biopsy_fact.text),
        "emh_words": _some(mass and mass.emh_fact and mass.emh_fact.text),
        "older_words": _some(mass and mass.older_label and mass.older_label.text),
        "source_reason": _some(mass and mass.source_reason),
        "observation": _some(a.withdrawal and a.withdrawal.observation),
        "opposing": mass.opposing if mass else 0,
        "supporting": mass.supporting if mass else 0,
        "net": mass.net if mass else 0,
        "years": a.age_years,
        "masses": len(a.masses),
        "missing": len(a.missing),
        "supporting_items": len(subject.supporting),
        "unknown_items": len(subject.unknown),
        "against_items": len(subject.opposing) + len(subject.rivals),
        "egfr": number(a.egfr),
        "mcv": number(a.blood.mcv),
    }
    held: set[str] = set()
    for case in subject.tables.cards.cases:
        inputs["case"] = frozenset(held)
        if case.when.holds(inputs):
            held.add(case.name)
    inputs["case"] = frozenset(held)
    return inputs


def _one(value: str | None) -> frozenset[str]:
    return frozenset((value,)) if value is not None else frozenset()


def _yes(value: bool) -> frozenset[str]:
    return frozenset(("yes" if value else "no",))


def _some(value: object) -> frozenset[str]:
    return frozenset(("some" if value else "none",))
