"""The whole loop on real servers: filed report, notification, Observation, card; and what happens when parts fail."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from emhwatch.bootstrap import open_service
from emhwatch.cli import main
from emhwatch.commands.demo import demo_settings
from emhwatch.commands.serve import serve
from emhwatch.demo.embedded import running_embedded
from emhwatch.demo.patients import demo_patients, with_subject
from emhwatch.demo.run import Demonstration
from emhwatch.inbox.schema import DEAD
from emhwatch.inbox.status import items
from emhwatch.intake.routes import HEADER, PATH
from emhwatch.service import Service
from emhwatch.settings import Settings


@pytest.fixture(scope="module")
def embedded() -> Iterator[str]:
    with running_embedded() as url:
        yield url


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """The service on its port, until the block ends."""
    stop = asyncio.Event()
    async with open_service(settings) as service:
        serving = asyncio.create_task(serve(service, stop, work=True))
        try:
            async with asyncio.timeout(60), httpx.AsyncClient() as http:
                while not service.mode or not await answers(http, settings.cds.public_url):
                    if serving.done():
                        serving.result()
                    await asyncio.sleep(0.05)
            yield service
        finally:
            stop.set()
            await serving
            if service.mode != "poll":
                await service.subscriptions.delete()


async def answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/livez")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def loop(base_url: str, folder: Path, *, mode: str | None = None, store: str | None = None) -> None:
    shared = urlsplit(base_url).hostname not in ("127.0.0.1", "localhost")
    settings = demo_settings(base_url, folder, shared=shared)
    if store:
        settings = replace(settings, store=replace(settings.store, url=store))
    if mode:
        settings = replace(settings, intake=replace(settings.intake, mode=mode, poll_s=0.3))
    async with running(settings) as service:
        demonstration = Demonstration(
            client=service.connection.client,
            service_url=settings.cds.public_url,
            output=service.tables.output,
            show=lambda _: None,
        )
        outcomes = await demonstration.run(demo_patients(), keep=False)
    assert [(o.patient, o.got, o.card, o.hold) for o in outcomes if not o.ok] == []
    assert len(outcomes) == 8


async def test_the_demo_patients_on_the_embedded_server(embedded: str, tmp_path: Path) -> None:
    await loop(embedded, tmp_path)


async def test_the_demo_patients_on_the_embedded_server_by_polling(embedded: str, tmp_path: Path) -> None:
    await loop(embedded, tmp_path, mode="poll")


@pytest.mark.postgres
async def test_the_demo_patients_with_postgresql(embedded: str, tmp_path: Path, postgres_url: str) -> None:
    await loop(embedded, tmp_path, store=postgres_url)


@pytest.mark.postgres
async def test_the_demo_patients_by_polling_with_postgresql(embedded: str, tmp_path: Path, postgres_url: str) -> None:
    await loop(embedded, tmp_path, mode="poll", store=postgres_url)


@pytest.mark.hapi
async def test_the_demo_patients_on_hapi(hapi: str, tmp_path: Path) -> None:
    await loop(hapi, tmp_path)


async def dead_letters(service: Service, count: int) -> list[str | None]:
    """Reasons of the dead letters, once there are `count` or after half a minute."""
    for _ in range(600):
        found = await service.database.read(lambda c: items(c, state=DEAD))
        if len(found) >= count:
            break
        await asyncio.sleep(0.05)
    return [item.reason for item in found]


async def settled(service: Service, done: int) -> None:
    """Return when nothing waits and `done` events are done, or after half a minute."""
    for _ in range(600):
        inbox = (await service.backlog()).inbox
        if not inbox.waiting and inbox.done >= done:
            return
        await asyncio.sleep(0.05)


async def test_h21_an_event_that_cannot_be_worked_is_found_and_replayed(
    embedded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rejected token: a dead letter that says why; nothing that looks like a result."""
    settings = demo_settings(embedded, tmp_path, shared=False)
    settings = replace(settings, intake=replace(settings.intake, mode="poll", poll_s=60.0))

    async with running(settings) as service, httpx.AsyncClient(base_url=settings.cds.public_url) as http:

        async def refuse(reference: str, *, version: str | None = None) -> dict[str, object]:
            from emhwatch.errors import FhirUnauthorized

            raise FhirUnauthorized

        monkeypatch.setattr(service.connection.client, "read", refuse, raising=True)
        answer = await http.put(
            f"{PATH}/DiagnosticReport/r1",
            json={"resourceType": "DiagnosticReport", "id": "r1", "meta": {"versionId": "1"}},
            headers={HEADER: service.intake.secret},
        )
        assert answer.status_code == 200
        assert await dead_letters(service, 1) == ["fhir-unauthorized"]
        monkeypatch.undo()
    monkeypatch.setenv("EMHWATCH_STORE_URL", settings.store.url)
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["inbox", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [e["reference"] for e in listed["events"]] == ["DiagnosticReport/r1"]
    assert await asyncio.to_thread(main, ["inbox", "retry", "--all"]) == 0
    assert "1 events will run again" in capsys.readouterr().out


async def test_a_report_that_is_not_there_and_one_without_words(embedded: str, tmp_path: Path) -> None:
    settings = demo_settings(embedded, tmp_path, shared=False)
    async with running(settings) as service, httpx.AsyncClient(base_url=settings.cds.public_url) as http:
        client = service.connection.client
        owner = f"Patient/{(await client.create(demo_patients()[6].patient))['id']}"
        empty = {k: v for k, v in demo_patients()[6].reports[0].items() if k != "presentedForm"}
        filed = await client.create(with_subject(empty, owner))
        gone = {HEADER: service.intake.secret}
        assert (await http.put(f"{PATH}/DiagnosticReport/never-there", headers=gone)).status_code == 200
        await settled(service, 2)
        found = await client.search("Observation", [("patient", owner)])
        of_report = json.dumps([r for r in found.resources if filed["id"] in json.dumps(r)])
        assert '"not-assessable"' in of_report
        assert '"not-applicable"' not in of_report and '"absent"' not in of_report


async def test_health_and_metrics_name_no_patient(embedded: str, tmp_path: Path) -> None:
    settings = demo_settings(embedded, tmp_path, shared=False)
    async with running(settings) as service, httpx.AsyncClient(base_url=settings.cds.public_url) as http:
        ready = await http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() | {"ready": True, "store": "ok", "fhir": "ok", "intake": "rest-hook"} == ready.json()
        await http.put(f"{PATH}/DiagnosticReport/canary-4711", headers={HEADER: service.intake.secret})
        metrics = (await http.get("/metrics")).text
        assert 'emhwatch_notifications_total{kind="rest-hook",outcome="accepted"}' in metrics
        assert "canary-4711" not in metrics
        assert (await http.get("/.well-known/jwks.json")).json() == {"keys": []}
