"""A client for the service in this process: requests as an EHR sends them, and decisions that a test chooses."""

import base64
import copy
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from emhwatch.cds import service as hook_service
from emhwatch.cds.assembly import assemble
from emhwatch.cds.evidence import create_router as evidence_router
from emhwatch.cds.routes import CdsServices, Observed, create_router
from emhwatch.model.assessment import Assessment
from emhwatch.model.options import SiteOptions
from emhwatch.settings import CdsSettings, FhirSettings, Settings
from emhwatch.store.database import Database, open_database
from emhwatch.tables.load import load_tables
from tests.cds import card_samples

BASE = "https://cds.hospital.example"
FHIR = "https://fhir.hospital.example/r4"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


#: Requirement (item of requirements.csv) -> tests that prove it.
COVERED: dict[str, list[str]] = {}


def covers(*items: int) -> Callable[[Any], Any]:
    """Marks the requirements that a test proves."""

    def mark(test: Any) -> Any:
        for item in items:
            COVERED.setdefault(str(item), []).append(test.__name__)
        return test

    return mark


class FixedClock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


STRONG = card_samples.every_card()["W-1"]


@dataclass
class Decision:
    """Stands in for the evaluation: what it was asked, and the answer that the test chose."""

    answer: Callable[..., Assessment] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, resources: Sequence[dict[str, Any]], **given: Any) -> Assessment:
        self.asked.append({"resources": list(resources), **given})
        if self.answer:
            return self.answer(resources, **given)
        order = next((o for o in given["draft_orders"] if "biopsy" in str(o.get("code"))), None)
        made = STRONG
        reference = f"ServiceRequest/{order.get('id')}" if order else None
        lead = replace(made.masses[0], **(card_samples.ORDERED if order else {}))
        return replace(
            made, patient=given["patient"], draft_order=reference, masses=(lead,), hold_offered=order is not None
        )


@dataclass
class Site:
    """The service with everything that a test looks at."""

    services: CdsServices
    database: Database
    clock: FixedClock
    seen: list[Observed]
    errors: list[BaseException]
    app: FastAPI
    base: str
    client: httpx.AsyncClient = field(init=False)


@asynccontextmanager
async def site(folder: Path, **given: Any) -> AsyncIterator[Site]:
    """The service in this process on a database of its own; see `build`."""
    made = build(folder, **given)
    transport = httpx.ASGITransport(made.app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=made.base) as made.client:
            yield made
    finally:
        await made.services.close()
        await made.database.close()


def build(
    folder: Path,
    *,
    fhir: httpx.AsyncBaseTransport | None = None,
    keys: httpx.AsyncBaseTransport | None = None,
    base: str = BASE,
    now: datetime = NOW,
    network: bool = False,
    store: str = "",
    **settings: Any,
) -> Site:
    """The parts of the service as the settings give them; with `network` it may ask real FHIR servers."""
    cds = CdsSettings(**({"public_url": base, "open": True, "fhir_servers": (FHIR,)} | settings))
    configured = Settings(cds=cds, fhir=FhirSettings(base_url=FHIR, name="main"))
    database = open_database(store or f"sqlite:///{folder}/cds.sqlite")
    clock, seen, errors = FixedClock(now), [], []
    tables = load_tables()
    services = assemble(
        configured,
        tables=tables,
        options=SiteOptions(),
        database=database,
        clock=clock,
        observe=seen.append,
        report=errors.append,
        fhir=fhir or (None if network else httpx.MockTransport(refuse)),
        keys=keys,
    )
    app = FastAPI()
    app.include_router(create_router(services))
    app.include_router(evidence_router(tables))
    return Site(services, database, clock, seen, errors, app, base)


def refuse(request: httpx.Request) -> httpx.Response:
    """A network on which no request may be made."""
    raise AssertionError("a request left the service")


def biopsy(ident: str = "o1", **more: Any) -> dict[str, Any]:
    """A draft order of a biopsy of the mass."""
    order = {
        "resourceType": "ServiceRequest",
        "id": ident,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "code": {
            "text": "CT-guided biopsy of the paravertebral mass",
            "coding": [{"system": "http://snomed.info/sct", "code": "277591006"}],
        },
    }
    return {**order, **more}


REPORT = (
    "FINDINGS\nSmooth lobulated paravertebral masses on both sides at T9 to T11 that hold fat. No bone erosion.\n"
    "IMPRESSION\nBilateral paravertebral masses."
)


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """A searchset."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}


def chart(ident: str = "p1") -> dict[str, Any]:
    """A complete prefetch of a fictional patient."""
    subject = {"reference": f"Patient/{ident}"}
    text = base64.b64encode(REPORT.encode()).decode()
    report = {
        "resourceType": "DiagnosticReport",
        "id": f"r-{ident}",
        "meta": {"versionId": "1"},
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "CT"}]}],
        "code": {"text": "CT of the chest"},
        "subject": subject,
        "effectiveDateTime": "2026-11-18T08:00:00Z",
        "issued": "2026-11-18T09:00:00Z",
        "presentedForm": [{"contentType": "text/plain; charset=utf-8", "data": text}],
    }
    condition = {
        "resourceType": "Condition",
        "id": f"c-{ident}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "D56.1"}], "text": "Beta thalassemia"},
        "subject": subject,
        "recordedDate": "2020-01-01",
    }
    hemoglobin = {
        "resourceType": "Observation",
        "id": f"h-{ident}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": subject,
        "effectiveDateTime": "2026-11-10",
        "valueQuantity": {"value": 8.2, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
    }
    return {
        "patient": {"resourceType": "Patient", "id": ident, "birthDate": "1982-03-04", "gender": "female"},
        "reports": bundle(report),
        "laboratory": bundle(hemoglobin),
        "conditions": bundle(condition),
        "procedures": bundle(),
        "medications": bundle(),
        "orders": bundle(),
    }


def hook(name: str = "order-sign", **changed: Any) -> dict[str, Any]:
    """A complete request; `context` is merged, `prefetch` replaced."""
    context: dict[str, Any] = {"userId": "Practitioner/u1", "patientId": "p1", "encounterId": "e1"}
    drafts = {"resourceType": "Bundle", "entry": [{"resource": biopsy()}]}
    if name in ("order-select", "order-sign"):
        context["draftOrders"] = drafts
    if name == "order-select":
        context["selections"] = ["ServiceRequest/o1"]
    if name == "order-dispatch":
        context |= {"dispatchedOrders": ["ServiceRequest/o1"], "performer": "Practitioner/u2"}
        del context["userId"]
    body = {
        "hook": name,
        "hookInstance": str(uuid4()),
        "context": context | changed.pop("context", {}),
        "prefetch": chart(),
    }
    return {**body, **copy.deepcopy(changed)}


def use(decision: Decision, monkeypatch: Any) -> Decision:
    """Let a chosen decision stand in for the evaluation."""
    monkeypatch.setattr(hook_service, "evaluate", decision)
    return decision
