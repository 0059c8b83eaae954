"""Grade of the anemia evidence (policy 4.1) with every ground that holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from emhwatch.assess.hemoglobin import Hemoglobin, Judged
from emhwatch.assess.person import Lab, Person
from emhwatch.tables.decision import DecisionTables
from emhwatch.tables.grades import Atom, GroundRule, Support
from emhwatch.tables.keys import KeyTables
from emhwatch.types import Grade, Value


@dataclass(frozen=True, slots=True)
class Severe:
    """One severe hemoglobin with what supports it (policy 4.5)."""

    judged: Judged
    labs: tuple[Lab, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Grading:
    """The grade of one person, and the same with one key unknown (sole-ground rule)."""

    person: Person
    hemoglobin: Hemoglobin
    tables: DecisionTables
    keys: KeyTables

    @cached_property
    def infant(self) -> bool:
        """Under 6 months of age: the Hb rules are off."""
        months = self.person.months(self.person.t)
        return months is not None and months[1] < self.tables.constants["newborn_months"]

    @cached_property
    def grade(self) -> Grade:
        """The grade."""
        return self._first(self.person.values)

    def without(self, key: str) -> Grade:
        """The grade with this key read as unknown."""
        if key not in self.tables.grades.keys:
            return self.grade
        values = dict(self.person.values)
        values.pop(key, None)
        return self._first(values)

    @cached_property
    def grounds(self) -> tuple[GroundRule, ...]:
        """Every ground of the grade that holds."""
        return tuple(
            rule
            for rule in self.tables.grades.grounds
            if rule.grade is self.grade and self._holds(rule, self.person.values)
        )

    def _first(self, values: Mapping[str, Value]) -> Grade:
        for rule in self.tables.grades.grounds:
            if self._holds(rule, values):
                return rule.grade
        return Grade.UNKNOWN

    def _holds(self, rule: GroundRule, values: Mapping[str, Value]) -> bool:
        if self.infant and not rule.infants:
            return False
        return all(self._atom(atom, values) for atom in rule.needs) and not any(
            self._atom(atom, values) for atom in rule.without
        )

    def _atom(self, atom: Atom, values: Mapping[str, Value]) -> bool:
        if atom.computed is None:
            return any(values.get(key) in atom.values for key in atom.keys)
        match atom.computed:
            case "anemic":
                return bool(self.hemoglobin.counted_lows) or bool(self.present("documented", values))
            case "cause":
                return self.iron_deficient(values) or bool(self.present("b3-cause", values))
            case "iron-deficiency":
                return self.iron_deficient(values)
            case "marrow-signs-2":
                return len(self.present("marrow-sign", values)) >= 2
            case "severe":
                return bool(self.severe(values))
            case "counted-low":
                return bool(self.hemoglobin.counted_lows)
            case "recent-usable-hb":
                return bool(self.hemoglobin.recent)
            case "recent-normal":
                return any(judged.usable_normal for judged in self.hemoglobin.recent)
            case _:
                series = self.hemoglobin.series
                return series is not None and atom.computed == f"series-{series[0]}"

    def present(self, role: str, values: Mapping[str, Value]) -> list[str]:
        """Keys with this role that are present."""
        return [key for key in self.keys.role(role) if values.get(key) is Value.PRESENT]

    def iron_deficient(self, values: Mapping[str, Value]) -> bool:
        """Named, or by the newest ferritin (policy 4.1)."""
        if self.present("iron-deficiency", values):
            return True
        ferritin = self.newest_ferritin
        return ferritin is not None and ferritin.below(self.tables.constants["ferritin_low"])

    @cached_property
    def newest_ferritin(self) -> Lab | None:
        """The newest ferritin of the last 365 days."""
        window = self.tables.constants["ferritin_newest"]
        labs = [lab for lab in self.person.labs.get("ferritin", ()) if lab.days.within(self.person.t, window)]
        return max((lab for lab in labs if lab.value is not None), key=lambda lab: lab.days, default=None)

    def severe(self, values: Mapping[str, Value]) -> list[Severe]:
        """Severe hemoglobins with support, oldest first."""
        limit = self.tables.constants["severe_hb"]
        found = []
        for judged in self.hemoglobin.samples:
            if not judged.low or judged.acute or judged.sample.g_per_l >= limit:
                continue
            if not self.hemoglobin.as_later_value(judged.days):
                continue
            rules = self.tables.grades.support
            labs = tuple(lab for rule in rules for lab in self._companions(rule, judged))
            keys = tuple(key for rule in rules for key in rule.keys if values.get(key) is Value.PRESENT)
            if labs or keys:
                found.append(Severe(judged, labs, keys))
        return found

    def _companions(self, rule: Support, judged: Judged) -> list[Lab]:
        window = self.tables.constants["companion"]
        return [
            lab
            for lab in self.person.labs.get(rule.analyte, ())
            if (lab.days.last - judged.days.first).days <= window
            and (judged.days.last - lab.days.first).days <= window
            and _supports(rule, lab)
        ]


def _supports(rule: Support, lab: Lab) -> bool:
    if rule.test == "high":
        return lab.high
    return lab.below(rule.limit) if rule.test == "below" else lab.above(rule.limit)
