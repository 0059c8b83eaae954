"""An assessment as FHIR resources (policy 9). Pure: the same assessment gives the same resources.

Per mass one assessment Observation whose value is the tier, with one criterion Observation per panel below it
(`hasMember`); blood and danger are of the patient and stand once. Without a mass there is one assessment without a
number. A failed evaluation, or one of a withdrawn report, says "not assessed" and nothing else. Never a Condition,
never a change to the radiologist's report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from emhwatch.model.assessment import Assessment, Fact, MassAssessment
from emhwatch.publish.alert import alerts
from emhwatch.publish.coding import Coder
from emhwatch.publish.evidence import (
    BASED_ON,
    ENCOUNTER,
    PART_OF,
    component,
    derived_from,
    quoted,
    references,
    statements,
)
from emhwatch.publish.identity import evaluation_id, fingerprint, output_id, version_of
from emhwatch.publish.narrative import markdown, observation_narrative
from emhwatch.publish.options import WriteOptions
from emhwatch.publish.provenance import device, device_urn, provenance
from emhwatch.tables.load import TableSet
from emhwatch.tables.output import Panel
from emhwatch.types import Grade, Resource, Tier, Value

_DEFAULT = WriteOptions()


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """Everything that one evaluation puts on the server, by slot; references between slots are `urn:uuid:`."""

    focus: str
    evaluation: str  #: identifier of this evaluation
    version: str | None  #: of the focus
    slots: Mapping[str, Resource]
    device: Resource
    provenance: Resource


def build(assessment: Assessment, tables: TableSet, options: WriteOptions = _DEFAULT) -> list[Resource]:
    """All resources that would be written, the Device first and the Provenance last; empty when nothing is."""
    made = build_set(assessment, tables, options)
    return [] if made is None else [made.device, *made.slots.values(), made.provenance]


def build_set(assessment: Assessment, tables: TableSet, options: WriteOptions = _DEFAULT) -> ResourceSet | None:
    """The same by slot. None: nothing may be written (identity or death, policy 9), or there is no focus or patient."""
    if assessment.stopped_write or assessment.focus is None or assessment.patient is None:
        return None
    builder = _Builder(assessment, tables, options, Coder.of(tables))
    slots = builder.not_assessed() if assessment.tier is Tier.NOT_ASSESSED else builder.assessed()
    device_resource = device(builder.coder, assessment.rules, options)
    content = fingerprint(list(slots.values()))
    version = version_of(assessment.focus, assessment.sources) or _focus_version(assessment)
    rules = f"{assessment.rules.version}|{assessment.rules.digest}|{options.software}"
    evaluation = evaluation_id(assessment.focus, version, rules, content)
    system = tables.output.url("evaluation")
    for resource in slots.values():
        resource["identifier"].append({"system": system, "value": evaluation})
    targets = [urn(assessment.focus, slot) for slot in slots]
    return ResourceSet(
        assessment.focus,
        evaluation,
        version,
        slots,
        device_resource,
        provenance(builder.coder, assessment, options, evaluation, targets),
    )


def urn(focus: str, slot: str) -> str:
    """The reference to a slot before the server has given an id."""
    return f"urn:uuid:{output_id(focus, slot)}"


def _focus_version(assessment: Assessment) -> str | None:
    return next((r.version for r in assessment.reports if r.reference == assessment.focus), None)


@dataclass(frozen=True, slots=True)
class _Builder:
    assessment: Assessment
    tables: TableSet
    options: WriteOptions
    coder: Coder
    stated: dict[int | None, dict[str, list[Fact]]] = field(default_factory=dict)  #: by mass and key

    def assessed(self) -> dict[str, Resource]:
        """The slots of an evaluation that took place."""
        slots: dict[str, Resource] = {}
        shared = {panel.name: self._panel(panel, None, slots) for panel in self._panels(of_mass=False)}
        for mass in self.assessment.masses or (self.assessment.whole,):
            own = [self._panel(panel, mass, slots) for panel in self._panels(of_mass=True)]
            self._assessment(mass, [*own, *shared.values()], slots)
        slots.update(alerts(self.coder, self.assessment, self.options, self._lead_slot()))
        return slots

    def not_assessed(self) -> dict[str, Resource]:
        """Tier and row only; every input unknown. Slots of its own: what stood there before is withdrawn."""
        slots: dict[str, Resource] = {}
        danger = self._observation("not-assessed/danger", "danger", "exam", None)
        danger.update(self.coder.absent("error" if self.assessment.error else "unknown"))
        slots["not-assessed/danger"] = self._finish(danger, "danger", None, [])
        observation = self._observation("not-assessed/assessment", "assessment", "imaging", None)
        observation.update(self.coder.coded("tier", Tier.NOT_ASSESSED))
        unknown = self.coder.absent()
        observation["component"] = [
            self.coder.component("row", self._row(self.assessment.row)),
            *(self.coder.component(name, unknown) for name in ("mass", "blood", "danger")),
        ]
        focus = self.assessment.focus or ""
        observation["hasMember"] = [{"reference": urn(focus, "not-assessed/danger")}]
        words = self.tables.output.words["narrative"]
        slots["not-assessed/assessment"] = self._finish(observation, "assessment", None, [words["not_assessed"]])
        return slots

    def _panels(self, *, of_mass: bool) -> list[Panel]:
        return [panel for panel in self.tables.output.panels if panel.of_mass is of_mass]

    def _panel(self, panel: Panel, mass: MassAssessment | None, slots: dict[str, Resource]) -> str:
        slot = f"{panel.name}/{_number(mass)}" if panel.of_mass else panel.name
        observation = self._observation(slot, panel.name, panel.category, mass)
        observation.update(self._panel_value(panel.name, mass))
        stated = self.stated.get(mass.index if mass else None) or self._stated(mass)
        components, facts = [], list[Fact]()
        for key in self.tables.keys.of_groups(panel.groups):
            found = stated.get(key.key, [])
            components.append(component(self.coder, key, found, self.options.quotes))
            facts += found
        if components:
            observation["component"] = components
        derived = derived_from(_named([*facts, *self._hemoglobin(panel.name)]), self.assessment.sources)
        if derived:
            observation["derivedFrom"] = derived
        lines = quoted(self.coder, facts, self.options.quotes)
        slots[slot] = self._finish(observation, panel.name, mass, lines)
        return slot

    def _stated(self, mass: MassAssessment | None) -> dict[str, list[Fact]]:
        """What is stated of a mass; a fact without a mass holds for all."""
        index = mass.index if mass else None
        of_mass = (f for f in self.assessment.facts if index is None or f.mass in (None, index))
        return self.stated.setdefault(index, statements(list(of_mass)))

    def _panel_value(self, name: str, mass: MassAssessment | None) -> Resource:
        a = self.assessment
        if name == "danger":
            return {**self.coder.value(a.danger), **self.coder.interpretation(a.danger)}
        if name == "blood":
            return self.coder.coded("grade", a.blood.grade)
        if name == "mass":
            value = mass.value if mass else a.value
            return {**self.coder.value(value), **self.coder.interpretation(value)}
        if name == "tissue" and mass is not None:
            return self.coder.coded("histology", mass.histology)
        if name in ("supporting", "opposing") and mass is not None:
            return {"valueInteger": mass.supporting if name == "supporting" else mass.opposing}
        return self.coder.absent()

    def _assessment(self, mass: MassAssessment | None, members: Sequence[str], slots: dict[str, Resource]) -> None:
        a, coder = self.assessment, self.coder
        slot = f"assessment/{_number(mass)}"
        observation = self._observation(slot, "assessment", "imaging", mass)
        observation.update(coder.coded("tier", mass.tier if mass else a.tier))
        inputs: list[tuple[str, Resource]] = [
            ("row", self._row(mass.row if mass else a.row)),
            ("mass", coder.value(mass.value if mass else a.value)),
            ("blood", coder.coded("grade", a.blood.grade)),
            ("danger", coder.value(a.danger)),
        ]
        if mass is not None:
            inputs += [
                ("site", coder.coded("site", mass.site_class)),
                ("side", coder.coded("side", mass.side)),
                ("levels", {"valueString": " ".join(mass.levels)} if mass.levels else coder.absent()),
                ("size", _millimetres(mass.size_mm) or coder.absent()),
                ("biopsy", coder.coded("biopsy", mass.biopsy)),
                ("histology", coder.coded("histology", mass.histology)),
                ("names-emh", coder.value(mass.names_emh)),
                ("supporting", {"valueInteger": mass.supporting}),
                ("opposing", {"valueInteger": mass.opposing}),
                ("net", {"valueInteger": mass.net}),
                ("major", {"valueBoolean": mass.major}),
                ("pooled", {"valueBoolean": mass.pooled}),
            ]
        observation["component"] = [coder.component(name, value) for name, value in inputs]
        observation["hasMember"] = [{"reference": urn(a.focus or "", member)} for member in members]
        if derived := derived_from([*_references(a.sources), *_named(self._hemoglobin("blood"))], a.sources):
            observation["derivedFrom"] = derived
        lines = [n.note for n in self.tables.output.notes if n.grade == a.blood.grade and self._present(n.key)]
        if mass is not None and mass.statement is not None:
            lines += quoted(coder, [mass.statement], self.options.quotes)
        slots[slot] = self._finish(observation, "assessment", mass, lines)

    def _observation(self, slot: str, panel: str, category: str, mass: MassAssessment | None) -> Resource:
        a, output = self.assessment, self.tables.output
        identifier = {"system": output.url("identifier"), "value": output_id(a.focus or "", slot)}
        labels = [{"system": c.system, "code": c.code, "display": c.display} for c in a.security]
        security = [{k: v for k, v in label.items() if v} for label in labels]
        version = version_of(a.focus or "", a.sources) or _focus_version(a)
        uri = (a.focus or "") + (f"/_history/{version}" if version else "")
        observation: Resource = {
            "resourceType": "Observation",
            "meta": {"security": [*security, self.coder.coding("security", "ai")]},
            "extension": [{"url": output.url("report"), "valueUri": uri}],
            "identifier": [identifier],
            "status": "preliminary",
            "category": [self.coder.concept("category", category)],
            "code": self.coder.concept("panel", panel),
            "subject": {"reference": a.patient},
            "effectiveDateTime": self._effective(mass).isoformat(),
            "issued": a.now.isoformat(timespec="milliseconds"),
        }
        observation.update(self._context())
        if self.options.performer:
            observation["performer"] = [{"reference": self.options.performer}]
        return observation

    def _context(self) -> Resource:
        """Order, study and visit of the focus (US Core, IHE IMR); not for a withdrawn report: its study may go too."""
        a = self.assessment
        if not self.options.source_references or a.tier is Tier.NOT_ASSESSED:
            return {}
        report = next((r for r in a.reports if r.reference == a.focus), None)
        studies = report.studies if report else (a.focus or "",)
        found: Resource = {
            "basedOn": references(report.based_on if report else (), BASED_ON),
            "partOf": references(studies, PART_OF),
            "encounter": next(iter(references([report.encounter] if report else (), ENCOUNTER)), None),
        }
        return {name: value for name, value in found.items() if value}

    def _finish(self, observation: Resource, panel: str, mass: MassAssessment | None, lines: list[str]) -> Resource:
        words = self.tables.output.words["narrative"]
        title = observation["code"]["text"]
        if panel == "assessment":
            which = words["mass"].format(number=number) if (number := _number(mass)) else words["no_mass"]
            tier = observation["valueCodeableConcept"]["text"]
            title = words["assessment"].format(mass=which, tier=tier)
        if lines:
            observation["note"] = [{"text": markdown(line)} for line in lines]
        observation["device"] = {"reference": device_urn(self.assessment.rules.digest, self.options.software)}
        observation["text"] = observation_narrative(observation, title, self.coder, lines=lines)
        return observation

    def _effective(self, mass: MassAssessment | None) -> date:
        """Study date of the report that states the mass, else of the focus, else the evaluation day."""
        if mass is not None and mass.report is not None and mass.report.date is not None:
            return mass.report.date
        dates = [r.date for r in self.assessment.reports if r.reference == self.assessment.focus and r.date]
        return dates[0] if dates else self.assessment.t

    def _row(self, row: str) -> Resource:
        return {"valueCodeableConcept": {"coding": [self.coder.own("row", row)], "text": row}}

    def _present(self, key: str) -> bool:
        return any(f.key == key and f.value is Value.PRESENT for f in self.assessment.facts)

    def _hemoglobin(self, panel: str) -> list[Fact]:
        """The facts behind the grade; hemoglobin samples count as facts only where the grade needed them."""
        if panel != "blood" or self.assessment.blood.grade is Grade.UNKNOWN:
            return []
        return [fact for ground in self.assessment.blood.grounds for fact in ground.facts]

    def _lead_slot(self) -> str:
        a = self.assessment
        return f"assessment/{_number(a.masses[a.lead]) if a.lead is not None else 0}"


def _number(mass: MassAssessment | None) -> int:
    """1 for the first mass; 0 where the report shows none."""
    return 0 if mass is None else mass.index + 1


def _millimetres(size: float | None) -> Resource | None:
    if size is None:
        return None
    return {"valueQuantity": {"value": size, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"}}


def _named(facts: Sequence[Fact]) -> list[str]:
    return [fact.reference for fact in facts if fact.reference]


def _references(sources: Sequence[str]) -> list[str]:
    """The imaging studies among the sources."""
    return [source for source in sources if source.startswith("ImagingStudy/")]
