"""Small FHIR bundles for tests: `bundle(report("..."), condition("D56.1"), hb(105, 20))`. Dates count back from `T`."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from emhwatch.assess.evaluate import evaluate
from emhwatch.model.assessment import Assessment
from emhwatch.tables.load import load_tables

T = datetime(2025, 6, 15, 12, tzinfo=UTC)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SCT = "http://snomed.info/sct"
SUBJECT = {"reference": "Patient/p"}
Json = dict[str, Any]
TABLES = load_tables()
TEXTS = {
    "CT": "CT of the thoracic spine",
    "MR": "MRI of the thoracic spine",
    "CR": "Chest radiograph",
    "US": "Ultrasound of the back",
    "NM": "Marrow scan",
}


def ago(days: float) -> str:
    return (T - timedelta(days=days)).date().isoformat()


def person(age: float | None = 40, sex: str | None = "male", *, months: int | None = None, **more: Any) -> Json:
    made: Json = {"resourceType": "Patient", "id": "p", **more}
    if months is not None:
        made["birthDate"] = ago(months * 30.5)
    elif age is not None:
        made["birthDate"] = T.replace(year=int(T.year - age)).date().isoformat()
    if sex:
        made["gender"] = sex
    return made


def report(text: str, days: float = 3, modality: str = "CT", ident: str = "r1", **more: Any) -> Json:
    return {
        "resourceType": "DiagnosticReport",
        "id": ident,
        "meta": {"versionId": "1"},
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]},
        ],
        "code": {"text": TEXTS[modality]},
        "subject": SUBJECT,
        "effectiveDateTime": ago(days),
        "issued": f"{ago(days)}T10:00:00Z",
        "presentedForm": [{"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}],
    } | more


def condition(code: str | None = None, text: str | None = None, **more: Any) -> Json:
    made: Json = {"resourceType": "Condition", "subject": SUBJECT, "code": {}}
    if code:
        made["code"]["coding"] = [{"system": SCT if code.isdecimal() else ICD, "code": code}]
    if text:
        made["code"]["text"] = text
    return made | more


def status(clinical: str) -> Json:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {"clinicalStatus": {"coding": [{"system": system, "code": clinical}]}}


def verified(code: str) -> Json:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    return {"verificationStatus": {"coding": [{"system": system, "code": code}]}}


def lab(loinc: str, value: float, unit: str, days: float, **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": SUBJECT,
        "effectiveDateTime": ago(days),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    } | more


def hb(g_per_l: float, days: float, **more: Any) -> Json:
    return lab("718-7", g_per_l, "g/L", days, **more)


def order(text: str = "CT-guided biopsy of the paraspinal mass", days: float = 1, **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": "o1",
        "status": "active",
        "intent": "order",
        "code": {"text": text},
        "subject": SUBJECT,
        "authoredOn": ago(days),
    } | more


def procedure(text: str, days: float, **more: Any) -> Json:
    made = {"resourceType": "Procedure", "status": "completed", "code": {"text": text}, "subject": SUBJECT}
    return made | {"performedDateTime": ago(days)} | more


def drug(text: str, days: float, state: str = "completed", **more: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "status": state,
        "intent": "order",
        "medicationCodeableConcept": {"text": text},
        "subject": SUBJECT,
        "authoredOn": ago(days),
    } | more


def pathology(text: str, days: float, site: str = "paraspinal mass", **more: Any) -> Json:
    return report(text, days, "CT", "path1") | {
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "SP"}]}],
        "code": {"text": f"Surgical pathology, biopsy of the {site}"},
    } | more  # fmt: skip


def pregnant(days_now: int) -> list[Json]:
    """A pregnancy of so many days, with its last period."""
    return [
        lab("11778-8", 0, "1", 1) | {"valueDateTime": ago(days_now - 280)} | {"valueQuantity": None},
    ]


def bundle(*parts: Json | list[Json]) -> list[Json]:
    """All resources, each with an id; a patient of 40 years, male, unless one is given."""
    flat = [r for part in parts for r in (part if isinstance(part, list) else [part])]
    if not any(r["resourceType"] == "Patient" for r in flat):
        flat.insert(0, person())
    numbers = count()
    return [{"id": f"x{next(numbers)}"} | {k: v for k, v in r.items() if v is not None} for r in flat]


def assess(*parts: Json | list[Json], focus: str | None = "DiagnosticReport/r1", **more: Any) -> Assessment:
    return evaluate(bundle(*parts), focus=focus, now=T, tables=TABLES, **more)


def shown(a: Assessment) -> Json:
    """What the cases name."""
    lead = a.leading
    return {
        "a": str(a.value), "b": str(a.blood.grade), "g": str(a.danger), "row": a.row, "indicator": str(a.indicator),
        "tier": str(a.tier), "card": a.card, "hold": a.hold_offered,
        "f": str(lead.biopsy) if lead else None, "c": lead.supporting if lead else None,
        "d": lead.opposing if lead else None, "site": lead.site_class if lead else None,
    }  # fmt: skip
