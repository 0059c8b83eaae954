"""Short ways to write the FHIR resources of one fictional patient, and to build the chart from them."""

import base64
import datetime as dt
from typing import Any

from emhwatch.chart.build import build_chart
from emhwatch.chart.model import Chart
from emhwatch.model.options import SiteOptions
from emhwatch.tables.load import load_tables
from emhwatch.types import Resource

NOW = dt.datetime(2026, 3, 15, 12, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
ME: Resource = {"reference": "Patient/p1"}
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


def ago(days: int) -> str:
    """A date so many days before `NOW`."""
    return (TODAY - dt.timedelta(days=days)).isoformat()


def code(system: str, value: str, display: str | None = None) -> Resource:
    """A CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": value} | ({"display": display} if display else {})]}


def patient(ident: str = "p1", **more: Any) -> Resource:
    """A man of about forty."""
    return {"resourceType": "Patient", "id": ident, "gender": "male", "birthDate": "1985-06-01"} | more


def hb(value: float | None, unit: str = "g/dL", *, ident: str = "h1", days: int = 5, **more: Any) -> Resource:
    """A hemoglobin as most systems send it."""
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return {
        "resourceType": "Observation",
        "id": ident,
        "status": "final",
        "code": code(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood"),
        "subject": ME,
        "effectiveDateTime": ago(days),
        **({"valueQuantity": quantity} if value is not None else {}),
    } | more


def observation(what: Resource, *, ident: str = "o1", days: int = 5, **more: Any) -> Resource:
    """Any Observation."""
    base = {"resourceType": "Observation", "id": ident, "status": "final", "code": what, "subject": ME}
    return base | {"effectiveDateTime": ago(days)} | more


def condition(what: Resource, *, ident: str = "c1", **more: Any) -> Resource:
    """An active, confirmed Condition."""
    return {
        "resourceType": "Condition",
        "id": ident,
        "code": what,
        "subject": ME,
        "clinicalStatus": code("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": code("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "recordedDate": ago(400),
    } | more


def report(words: str | None = None, *, ident: str = "r1", days: int = 1, **more: Any) -> Resource:
    """A final CT report with plain text."""
    base: Resource = {
        "resourceType": "DiagnosticReport",
        "id": ident,
        "status": "final",
        "category": [code("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD")],
        "code": {"text": "CT chest"},
        "subject": ME,
        "effectiveDateTime": ago(days),
        "issued": f"{ago(days)}T10:00:00Z",
    }
    if words is not None:
        data = base64.b64encode(words.encode()).decode()
        base["presentedForm"] = [{"contentType": "text/plain; charset=utf-8", "data": data}]
    return base | more


def order(words: str = "CT-guided biopsy of the right paraspinal mass T10", **more: Any) -> Resource:
    """An active biopsy order."""
    return {
        "resourceType": "ServiceRequest",
        "id": "s1",
        "status": "active",
        "intent": "order",
        "code": {"text": words},
        "subject": ME,
        "authoredOn": ago(1),
    } | more


def procedure(what: Resource, *, ident: str = "x1", days: int = 10, **more: Any) -> Resource:
    """A completed Procedure."""
    base = {"resourceType": "Procedure", "id": ident, "status": "completed", "code": what, "subject": ME}
    return base | {"performedDateTime": ago(days)} | more


def drug(words: str = "deferasirox 500 mg tablet", *, kind: str = "MedicationRequest", **more: Any) -> Resource:
    """An active drug record."""
    base: Resource = {"resourceType": kind, "id": "m1", "status": "active", "subject": ME}
    base |= {"medicationCodeableConcept": {"text": words}, "authoredOn": ago(100)}
    return base | more


def chart(
    *resources: Any,
    focus: str | None = None,
    hook: str | None = None,
    options: SiteOptions | None = None,
    drafts: tuple[Resource, ...] = (),
    now: dt.datetime = NOW,
) -> Chart:
    """The chart of these resources."""
    return build_chart(
        list(resources),
        focus=focus,
        patient=hook,
        now=now,
        tables=load_tables(),
        options=options or SiteOptions(),
        draft_orders=drafts,
    )


def gaps(found: Chart) -> set[str]:
    """Codes of what was not used."""
    return {gap.code for gap in found.gaps}
