"""Demonstration patients on a real FHIR server: the hook answers as the policy says, however the data gets there."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from emhwatch.demo.patients import DemoPatient, demo_patients, with_subject
from tests.cds.hook_support import Site, site

pytestmark = pytest.mark.hapi

NOW = datetime.now(UTC)
PATIENTS = {patient.name: patient for patient in demo_patients(NOW)}


@pytest.fixture
async def service(tmp_path: Path, hapi: str) -> AsyncIterator[Site]:
    given = {"fhir_servers": (hapi,), "budget_ms": 20_000, "open_profile": "sandbox", "debug_header": True}
    async with site(tmp_path, network=True, now=NOW, **given) as made:
        yield made


async def filed(hapi: str, patient: DemoPatient) -> tuple[str, list[str]]:
    """The patient's records on the server: the patient's id and everything that was created."""
    subject = f"urn:uuid:{uuid.uuid4()}"
    entries = [{"fullUrl": subject, "resource": patient.patient, "request": {"method": "POST", "url": "Patient"}}]
    for resource in (*patient.chart, *patient.reports):
        request = {"method": "POST", "url": resource["resourceType"]}
        entries.append({"resource": with_subject(resource, subject), "request": request})
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(hapi, json=bundle, headers={"Content-Type": "application/fhir+json"})
    answer.raise_for_status()
    made = ["/".join(e["response"]["location"].split("/")[:2]) for e in answer.json()["entry"]]
    return made[0].partition("/")[2], made


async def prefetched(hapi: str, service: Site, patient: str, every: int) -> dict[str, Any]:
    """What a client that prefetches would send; with `every` 2 only each second template."""
    templates = {t.key: t.query for t in service.services.service.tables.clients.prefetch}
    found = {}
    async with httpx.AsyncClient(timeout=60) as client:
        for key in list(templates)[::every]:
            answer = await client.get(f"{hapi}/{templates[key].replace('{{context.patientId}}', patient)}")
            found[key] = answer.raise_for_status().json()
    return found


@pytest.mark.parametrize("name", PATIENTS)
async def test_hook_answers_as_the_policy_says(name: str, hapi: str, service: Site) -> None:
    patient = PATIENTS[name]
    ident, made = await filed(hapi, patient)
    order = {**with_subject(patient.order, f"Patient/{ident}"), "id": "draft-1"}
    try:
        for prefetch in (
            await prefetched(hapi, service, ident, 1),
            await prefetched(hapi, service, ident, 2),
            {},
        ):
            body = {
                "hook": "order-sign",
                "hookInstance": str(uuid.uuid4()),
                "fhirServer": hapi,
                "context": {
                    "userId": "Practitioner/u1",
                    "patientId": ident,
                    "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
                },
                "prefetch": prefetch,
            }
            answer = await service.client.post("/cds-services/emh-order-sign", json=body)
            assert answer.status_code == 200, answer.text
            cards = answer.json()["cards"]
            expected = patient.expected
            seen = service.seen[-1]
            assert (seen.row, [c["source"]["topic"]["code"] for c in cards]) == (
                expected.row,
                [expected.card] if expected.card else [],
            ), (len(prefetch), seen)
            held = [a for c in cards for s in c["suggestions"] for a in s["actions"] if a["type"] == "delete"]
            assert bool(held) is expected.hold
    finally:
        async with httpx.AsyncClient(timeout=60) as client:
            for reference in reversed(made):
                await client.delete(f"{hapi}/{reference}")
