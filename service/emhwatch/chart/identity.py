"""Which patient a resource is about, and whether report, order and hook concern one patient (policy 7.1 R0, H01).

A patient is known by a key: "Patient/id" (the surviving record where records were merged, Patient.link), a `urn:` that
nothing resolves, or "identifier:system|value" where a subject has nothing but an identifier. Nothing is guessed: a
subject that cannot be resolved is not the patient.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from emhwatch.chart.dates import parse_days
from emhwatch.chart.index import Index, Located
from emhwatch.chart.model import Identity
from emhwatch.chart.scope import Scope
from emhwatch.model.days import Days
from emhwatch.model.shape import flag, obj, objects, text
from emhwatch.types import Resource

_PATIENT = re.compile(r"(?:(?P<base>https?://.+)/)?(?P<key>Patient/[^/?#|]+)(?:/_history/[^/?#]+)?")
_OLD, _NEW = "replaced-by", "replaces"  #: Patient.link.type; the other types do not say that records are one
NOT_A_PATIENT = "not-a-patient"


@dataclass(slots=True)
class Patients:
    """All Patient resources and what stands for whom."""

    scope: Scope
    successor: dict[str, str] = field(default_factory=dict)  #: key of a replaced record: key of its successor

    @classmethod
    def of(cls, scope: Scope) -> "Patients":
        """Read the merge links; a record with two successors is not merged."""
        found = cls(scope)
        targets: dict[str, set[str]] = {}
        for patient in scope.index.of("Patient"):
            own = found.name(patient)
            if own is None or scope.refused(patient):
                continue
            for link in objects(patient.resource, "link"):
                other = found._key_of(obj(link, "other"), patient)
                kind = text(link, "type")
                if other is None or other == own or link.get("modifierExtension"):
                    continue
                if kind == _OLD:
                    targets.setdefault(own, set()).add(other)
                elif kind == _NEW:
                    targets.setdefault(other, set()).add(own)
        found.successor = {old: next(iter(new)) for old, new in targets.items() if len(new) == 1}
        return found

    def canonical(self, key: str) -> str:
        """The surviving record; of a circle of links the first by name."""
        seen = [key]
        while key in self.successor:
            key = self.successor[key]
            if key in seen:
                return min(seen[seen.index(key) :])
            seen.append(key)
        return key

    def key(self, reference: Resource | str, holder: Located | None) -> str | None:
        """Key of the patient that a reference means; `NOT_A_PATIENT` for a group, device or place; None: not known."""
        node: Resource = {"reference": reference} if isinstance(reference, str) else reference
        found = self._key_of(node, holder)
        return self.canonical(found) if found else None

    def subject(self, located: Located) -> str | None:
        """Key of the patient that a resource is about; a contained resource without a subject follows its holder."""
        for name in ("subject", "patient"):
            found = objects(located.resource, name)
            if len(found) == 1:
                return self.key(found[0], located)
            if found:
                return None
        return self.subject(located.parent) if located.parent else None

    def records(self, key: str) -> list[Located]:
        """The Patient resources of one patient, the surviving one first."""
        named = [(name, p) for p in self.scope.index.of("Patient") if (name := self.name(p)) is not None]
        found = [(name != key, name, p) for name, p in named if self.canonical(name) == key]
        return [p for _, _, p in sorted(found, key=lambda item: item[:2])]

    def name(self, patient: Located) -> str | None:
        """Key of one record: its reference, or its `fullUrl` where another server has a patient of the same id."""
        same = self.scope.index.by_key.get(patient.reference or "", [])
        return patient.full_url if len(same) > 1 and patient.full_url else patient.reference

    def _key_of(self, node: Resource, holder: Located | None) -> str | None:
        target, kind = text(node, "reference"), text(node, "type")
        found = self.scope.index.resolve(node, holder, kind="Patient")
        if found is not None and found.kind == "Patient" and found.parent is None:
            return self.name(found) if self._agrees(found, obj(node, "identifier")) else None
        if found is not None and found.kind == "Patient":
            return self._contained(found)
        if found is not None or (kind and kind != "Patient"):
            return NOT_A_PATIENT
        if target is None:
            return _identifier_key(obj(node, "identifier"))
        if target.startswith("urn:"):
            return target
        match = _PATIENT.fullmatch(target)
        if match is None:
            return NOT_A_PATIENT if re.match(r"(https?://.+/)?[A-Z][A-Za-z]+/[^/?]", target) else None
        others = self.scope.index.by_key.get(match["key"], [])
        # The same id on another server is another patient.
        return match["key"] if not others or match["base"] is None else target

    def _agrees(self, patient: Located, identifier: Resource) -> bool:
        """Whether an identifier beside the reference is not that of somebody else."""
        system, value = text(identifier, "system"), text(identifier, "value")
        own = {text(i, "value") for i in objects(patient.resource, "identifier") if text(i, "system") == system}
        return not (system and value and own) or value in own

    def _contained(self, patient: Located) -> str | None:
        for identifier in objects(patient.resource, "identifier"):
            known = self.scope.index.resolve({"identifier": identifier, "type": "Patient"}, None)
            if known is not None and known.kind == "Patient":
                return self.name(known)
        for identifier in objects(patient.resource, "identifier"):
            if key := _identifier_key(identifier):
                return key
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who the chart is about."""

    identity: Identity
    key: str | None = None
    birth: Days | None = None
    sex: str | None = None
    deceased: bool = False
    records: tuple[Located, ...] = ()

    @property
    def reference(self) -> str | None:
        """The key as a reference; None when the patient is only known by an identifier."""
        match = _PATIENT.fullmatch(self.key or "")
        if match is not None:
            return match["key"]
        return self.key if self.key and self.key.startswith("urn:") else None


def identify(
    patients: Patients, focus: Located | None, claimed: str | None, drafts: Iterable[Located], index: Index
) -> Person:
    """Resolve report subject, order subjects and hook patient to one person."""
    claims = (
        [patients.key(claimed if "/" in claimed or ":" in claimed else f"Patient/{claimed}", None)] if claimed else []
    )
    # An unsigned order without a subject is of the patient in context (CDS Hooks, draftOrders); one whose subject
    # cannot be resolved is nobody's.
    claims += [patients.subject(draft) for draft in drafts if draft.resource.get("subject")]
    if focus is not None:
        own = patients.name(focus) if focus.kind == "Patient" else patients.subject(focus)
        own = patients.canonical(own) if own else None
        if own is None and not claims:
            return Person(identity=Identity.UNKNOWN)
        claims.append(own)
    if not claims:
        claims = list({patients.subject(entry) for entry in index.of(*_SUBJECTS)} - {None, NOT_A_PATIENT})
        claims = claims or list({patients.canonical(name) for p in index.of("Patient") if (name := patients.name(p))})
        if not claims:
            return Person(identity=Identity.UNKNOWN)
    if len(set(claims)) != 1 or claims[0] in (None, NOT_A_PATIENT):
        return Person(identity=Identity.MISMATCH)
    return _person(patients, str(claims[0]))


#: Types whose subjects tell whose chart it is when no report and no hook does.
_SUBJECTS = ("DiagnosticReport", "ImagingStudy", "Observation", "Condition", "ServiceRequest", "Procedure")


def _person(patients: Patients, key: str) -> Person:
    records = patients.records(key)
    usable = [record for record in records if not patients.scope.refused(record)]
    # Death ends every card, whichever of the merged records says so, and also when the rest of a record is not usable.
    deceased = any(
        flag(r.resource, "deceasedBoolean") or text(r.resource, "deceasedDateTime") is not None for r in records
    )
    births = [b for r in usable if (b := _birth(patients.scope, r)) is not None]
    sexes = [s for r in usable if (s := text(r.resource, "gender")) is not None]
    return Person(
        identity=Identity.RESOLVED,
        key=key,
        birth=births[0] if births else None,
        sex=sexes[0].lower() if sexes else None,
        deceased=deceased,
        records=tuple(usable),
    )


def _birth(scope: Scope, patient: Located) -> Days | None:
    value = text(patient.resource, "birthDate")
    days = parse_days(value, scope.zone) if value else None
    if value and (days is None or days.first > scope.t):
        scope.gap("bad-date", patient, "birthDate")
        return None
    return Days(days.first, min(days.last, scope.t)) if days else None


def _identifier_key(identifier: Resource) -> str | None:
    value = text(identifier, "value")
    return f"identifier:{text(identifier, 'system') or ''}|{value}" if value else None
