"""From a filed report to results on a real server with the real stages; and again when a person asks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emhwatch.assess.evaluate import SiteOptions
from emhwatch.cds.history import CardHistory
from emhwatch.chart.fetch import ServerChartFetcher
from emhwatch.cli import main
from emhwatch.demo.patients import demo_patients, with_subject
from emhwatch.pipeline import Pipeline
from emhwatch.tables.load import load_tables
from emhwatch.types import Tier
from tests.publish.bench import bench, event
from tests.publish.samples import assessment
from tests.publish.test_once_hapi import current
from tests.support.site import WallClock, site

pytestmark = pytest.mark.hapi


async def test_the_demo_patients_get_valid_results_with_the_expected_tier(hapi: str, tmp_path: Path) -> None:
    tables = load_tables()
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        pipeline = Pipeline(
            fetcher=ServerChartFetcher(place.client, tables),
            history=CardHistory(it.database),
            publisher=it.publisher,
            tables=tables,
            clock=WallClock(),
            options=SiteOptions(),
        )
        for patient in demo_patients():
            filed = (await place.file(patient.patient))["id"]
            place.patients.append(filed)
            for resource in (*patient.chart, *patient.studies):
                await place.file(with_subject(resource, f"Patient/{filed}"))
            report = ""
            for resource in patient.reports:
                report = (await place.file(with_subject(resource, f"Patient/{filed}")))["id"]
            done = await pipeline.run(event(report))
            assert done
            heads = [h for h in current(await place.results(filed)) if f"DiagnosticReport/{report}/" in json.dumps(h)]
            tiers = {h["valueCodeableConcept"]["coding"][0]["code"] for h in heads}
            assert done[0].tier in tiers, patient.name
            again = await pipeline.run(event(report))
            assert [a.row for a in again] == [a.row for a in done] and it.said[-1] == "same", patient.name


async def _filed(hapi: str, store: Path) -> tuple[str, str]:
    async with site(hapi) as place, bench(hapi, store) as it:
        patient = await place.patient()
        report = await place.report(patient)
        body = await place.client.read(f"DiagnosticReport/{report}")
        category = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}
        words = {
            "effectiveDateTime": "2026-11-01",
            "conclusion": "No paraspinal mass.",
            "category": [{"coding": [category]}],
        }
        await place.client.update(body | words)
        old = replace(assessment(report=report, patient=patient, version="2"), sources=())
        it.publisher.server_name = "default"
        await it.publisher.publish(old, event(report, "2"))
        return patient, report


async def test_a_person_lists_and_then_writes_what_other_rules_gave(
    hapi: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s.sqlite"
    patient, report = await _filed(hapi, store)
    monkeypatch.setenv("EMHWATCH_FHIR_BASE_URL", hapi)
    monkeypatch.setenv("EMHWATCH_STORE_URL", f"sqlite:///{store}")
    monkeypatch.setenv("EMHWATCH_PUBLISH_AUDIT_FILE", str(tmp_path / "audit.ndjson"))

    async def command(*words: str) -> tuple[int, list[Any]]:
        import asyncio

        code = await asyncio.to_thread(main, ["reassess", *words, "--json"])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    focus = f"DiagnosticReport/{report}"
    assert await command("--other-rules") == (0, [{"report": focus, "outcome": "listed"}])
    async with site(hapi) as place:
        assert [h["valueCodeableConcept"]["text"] for h in current(await place.results(patient))] == ["Moderate"]
        code, lines = await command("--other-rules", "--yes")
        assert (code, lines) == (0, [{"report": focus, "outcome": f"none R3 {Tier.NOT_APPLICABLE}"}])
        assert [h["valueCodeableConcept"]["text"] for h in current(await place.results(patient))] == ["Not applicable"]
    assert await command("--other-rules") == (0, [])
    assert (await command("--patient", f"Patient/{patient}"))[1] == [{"report": focus, "outcome": "listed"}]
    code, lines = await command("--report", "DiagnosticReport/no-such-report", "--yes")
    assert code in (0, 1) and len(lines) == 1


def test_a_reference_that_is_none_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reassess", "--report", "everything", "--yes"]) == 2
    assert "Type/id" in capsys.readouterr().err
