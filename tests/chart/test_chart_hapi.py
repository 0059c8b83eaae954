"""The chart of one patient from a real HAPI server: merges, pages, unknown parameters, a deleted report."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from emhwatch.chart.fetch import ServerChartFetcher
from emhwatch.demo.embedded import running_embedded
from emhwatch.demo.patients import demo_patients, with_subject
from emhwatch.fhir.connect import connect
from emhwatch.model.event import ResourceEvent
from emhwatch.settings import FhirSettings
from emhwatch.tables.load import load_tables
from tests.support.records import ICD10, chart, code, condition, hb, order, patient, report
from tests.support.site import WallClock


class Wire(httpx.AsyncBaseTransport):
    """The network, with a count; it can refuse batches."""

    def __init__(self, *, batches: bool) -> None:
        self.batches, self.requests, self._wire = batches, 0, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if not self.batches and request.method == "POST" and b'"batch"' in await request.aread():
            return httpx.Response(405, request=request)
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


@pytest.fixture(params=["sekmet", pytest.param("hapi", marks=pytest.mark.hapi)])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "hapi":
        yield request.getfixturevalue("hapi")
        return
    with running_embedded() as url:
        yield url


async def test_one_batch_brings_the_chart_that_single_searches_bring(server: str) -> None:
    """Ids are of the server; so the demo patients are filed first, each once."""
    settings, charts, counts = FhirSettings(base_url=server), [], []
    filing = connect(settings, clock=WallClock())
    events = []
    for model in demo_patients():
        me = f"Patient/{(await filing.client.create(model.patient))['id']}"
        for resource in (*model.chart, *model.studies):
            await filing.client.create(with_subject(resource, me))
        for resource in model.reports:
            ident = (await filing.client.create(with_subject(resource, me)))["id"]
        events.append(ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=ident, version="1"))
    await filing.close()
    for wire in (Wire(batches=True), Wire(batches=False)):
        connection = connect(settings, clock=WallClock(), transport=wire)
        fetcher = ServerChartFetcher(connection.client, load_tables())
        found = [await fetcher.fetch(event) for event in events]
        charts.append([(sorted(map(repr, data.resources)), data.incomplete) for (data,) in found])
        counts.append(wire.requests)
        await connection.close()
    assert charts[0] == charts[1]
    assert counts[0] <= 3 * len(events) < counts[1]


@pytest.mark.hapi
async def test_chart_of_a_merged_patient_over_pages_and_after_deletion(hapi: str) -> None:
    run = uuid.uuid4().hex[:8]
    me, old = f"me-{run}", f"old-{run}"
    connection = connect(FhirSettings(base_url=hapi), clock=WallClock())
    client = connection.client
    try:
        await client.update(patient(me))
        await client.update(patient(old, link=[{"type": "replaced-by", "other": {"reference": f"Patient/{me}"}}]))
        mine, theirs = {"subject": {"reference": f"Patient/{me}"}}, {"subject": {"reference": f"Patient/{old}"}}
        focus = await client.create(
            {k: v for k, v in report("Right paravertebral mass T10.").items() if k != "id"} | theirs
        )
        many = [hb(9.0 + number / 100, ident=f"h{number}-{run}", days=number) | mine for number in range(1, 131)]
        for resource in (*many, condition(code(ICD10, "D56.1"), ident=f"c-{run}") | mine, order(id=f"s-{run}") | mine):
            await client.update(resource)
        fetcher = ServerChartFetcher(client, load_tables())
        event = ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=focus["id"], version="1")
        (data,) = await fetcher.fetch(event)
        assert (data.patient, data.incomplete) == (f"Patient/{me}", ())
        found = chart(*data.resources, focus=data.focus, hook=data.patient)
        assert len(found.hemoglobin) == len(many)
        assert (len(found.disorders), len(found.orders), found.sex) == (1, 1, "male")
        assert found.focus_report is not None
        assert found.focus_report.reading is not None

        await client.delete(f"DiagnosticReport/{focus['id']}")
        gone = ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=focus["id"], version="2")
        (data,) = await fetcher.fetch(gone)
        assert (data.patient, data.withdrawn) == (f"Patient/{me}", True)
    finally:
        await connection.close()
