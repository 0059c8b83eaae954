"""Every access to a patient's data is recorded, with references and codes only."""

import asyncio
import json
import stat
from pathlib import Path

import httpx
import pytest

from emhwatch.errors import FhirNotFound
from emhwatch.fhir.connect import connect
from emhwatch.fhir.exchange import Exchange
from emhwatch.fhir.r4b import problems
from emhwatch.publish.audit import FileAudit, ServerAudit, audit_event, concerns_patient
from emhwatch.publish.coding import Coder
from emhwatch.settings import FhirSettings
from emhwatch.store.database import open_database
from emhwatch.tables.load import load_tables
from tests.support.site import WallClock, site


def exchange(interaction: str = "read", status: int | None = 200, **given: object) -> Exchange:
    values = {"resource_type": "Patient", "references": (), "patients": ("Patient/p1",)} | given
    return Exchange(interaction=interaction, status=status, seconds=0.1, attempts=1, **values)  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize(
    ("interaction", "status", "action", "outcome"),
    [("read", 200, "R", "0"), ("search-type", 200, "E", "0"), ("update", 409, "U", "4"), ("create", None, "C", "8")],
)
def test_an_event_is_valid_and_says_what_was_done(
    interaction: str, status: int | None, action: str, outcome: str
) -> None:
    event = audit_event(exchange(interaction, status), "2026-11-20T09:30:00Z", Coder.of(load_tables()), "1")
    assert problems(event) == ()
    assert (event["action"], event["outcome"]) == (action, outcome)
    assert event["entity"] == [{"what": {"reference": "Patient/p1"}}]


def test_what_holds_no_patient_is_not_recorded() -> None:
    assert concerns_patient(exchange())
    assert concerns_patient(
        exchange(patients=(), references=("DiagnosticReport/r1",), resource_type="DiagnosticReport")
    )
    assert not concerns_patient(exchange("capabilities", patients=(), resource_type=None))
    assert not concerns_patient(
        exchange("update", patients=(), references=("Subscription/s",), resource_type="Subscription")
    )


async def test_a_file_gets_a_line_for_each_read_search_and_write(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/gone"):
            return httpx.Response(404)
        if request.url.path.endswith("/metadata"):
            return httpx.Response(200, json={"resourceType": "CapabilityStatement"})
        if request.method == "GET" and request.url.path.endswith("/Observation"):
            found = {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p7"}}
            return httpx.Response(200, json={"resourceType": "Bundle", "entry": [{"resource": found}]})
        body = {"resourceType": "Patient", "id": "p2", "name": [{"family": "Fictional"}]}
        return httpx.Response(200, json=body)

    path = tmp_path / "deep" / "audit.ndjson"
    trail = FileAudit(str(path), coder=Coder.of(load_tables()), software="1", clock=WallClock())
    settings = FhirSettings(base_url="https://fhir.example/r4")
    client = connect(settings, clock=WallClock(), observers=[trail], transport=httpx.MockTransport(answer)).client
    await client.read("Patient/p2")
    await client.search("Observation", [("code", "x")])
    await client.search("Observation", [("patient", "p9")])
    await client.update({"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p3"}})
    with pytest.raises(FhirNotFound):
        await client.read("DiagnosticReport/gone")
    await client.capabilities()
    trail.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    named = [[e["what"]["reference"] for e in line["entity"]] for line in lines]
    assert named == [
        ["Patient/p2"],
        ["Patient/p7"],
        ["Patient/p9"],
        ["Patient/p3", "Observation/o1"],
        ["DiagnosticReport/gone"],
    ]
    assert [line["outcome"] for line in lines] == ["0", "0", "0", "0", "4"]
    assert "Fictional" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.hapi
async def test_events_go_to_the_server_also_when_the_patient_is_gone(hapi: str, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 's.sqlite'}")
    trail = ServerAudit(coder=Coder.of(load_tables()), software="1", clock=WallClock())
    connection = connect(FhirSettings(base_url=hapi), clock=WallClock(), observers=[trail])
    async with site(hapi) as place:
        patient = await place.patient()
        await connection.client.read(f"Patient/{patient}")
        trail(exchange(patients=("Patient/never-was",)))
        stop = asyncio.Event()
        running = asyncio.create_task(trail.run(stop, database, connection.client))
        for _ in range(100):
            found = (await place.client.search("AuditEvent", [("patient", patient)])).resources
            if found:
                break
            await asyncio.sleep(0.05)
        stop.set()
        await running
        assert [event["action"] for event in found] == ["R"]
        assert await trail.send(database, connection.client) in (0, 1)
        assert await trail.send(database, connection.client) == 0  # the second one went without the reference
    await connection.close()
    await database.close()
