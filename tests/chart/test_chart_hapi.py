"""The chart of one patient from a real HAPI server: merges, pages, unknown parameters, a deleted report."""

import uuid

import pytest

from emhwatch.chart.fetch import ServerChartFetcher
from emhwatch.fhir.connect import connect
from emhwatch.model.event import ResourceEvent
from emhwatch.settings import FhirSettings
from emhwatch.tables.load import load_tables
from tests.support.records import ICD10, chart, code, condition, hb, order, patient, report
from tests.support.site import WallClock

pytestmark = pytest.mark.hapi


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
