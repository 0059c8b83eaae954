"""On real HAPI: written once, corrected, withdrawn, moved, and never over a person's head."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from emhwatch.errors import FhirConflict, FhirInvalidResource, FhirRejected, FhirUnavailable
from emhwatch.model.assessment import Rules
from emhwatch.publish.options import WriteOptions
from emhwatch.types import Resource, Tier
from tests.publish.bench import bench, event
from tests.publish.samples import assessment, withdrawn
from tests.support.fault_proxy import Fault, fault_proxy
from tests.support.site import site

pytestmark = pytest.mark.hapi


def coded(results: list[Resource], code: str = "emh-assessment") -> list[Resource]:
    return [r for r in results if any(c["code"] == code for c in r["code"].get("coding", ()))]


def current(results: list[Resource], code: str = "emh-assessment") -> list[Resource]:
    return [r for r in coded(results, code) if r["status"] != "entered-in-error"]


async def test_h29_the_same_evaluation_twice_writes_once_and_in_one_request(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, fault_proxy(hapi) as proxy, bench(proxy.url, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        first, second = await place.report(patient), await place.report(patient)
        await it.publisher.publish(assessment(report=first, patient=patient), event(first))  # makes the Device
        proxy.requests.clear()
        found = await it.publisher.publish(assessment(report=second, patient=patient), event(second))
        assert proxy.requests == ["POST /fhir"]
        before = await place.results(patient)
        again = await it.publisher.publish(assessment(report=second, patient=patient), event(second))
        assert again == found and len(found) == 8
        assert await place.results(patient) == before
        assert it.said == ["write", "write", "same"]


async def test_references_between_results_hold_on_the_server(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient, masses=2), event(report))
        results = await place.results(patient)
        by_reference = {f"Observation/{r['id']}": r for r in results}
        heads = current(results)
        assert len(heads) == 2
        for head in heads:
            members = [by_reference[m["reference"]] for m in head["hasMember"]]
            assert {m["code"]["coding"][0]["code"] for m in members} == {
                *("emh-mass", "emh-blood", "emh-supporting", "emh-opposing", "emh-danger", "emh-tissue", "emh-rival")
            }
        device = await place.client.read(heads[0]["device"]["reference"])
        assert [v["value"] for v in device["version"]] == ["test", "2026.11.0", "0" * 64]
        trail = (await place.client.search("Provenance", [("target", by_reference.popitem()[0])])).resources
        assert len(trail) == 1 and len(trail[0]["target"]) == len(results)
        source = trail[0]["entity"][0]["what"]
        assert source["identifier"]["value"] == f"{hapi}/DiagnosticReport/{report}/_history/1"


async def test_h17_an_amended_report_corrects_and_a_mass_that_is_gone_is_withdrawn(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient, masses=2), event(report))
        await place.report(patient, status="amended", ident=report)
        second = assessment(report=report, patient=patient, version="2", tier=Tier.STRONG)
        await it.publisher.publish(second, event(report, "2"))
        results = await place.results(patient)
        heads = coded(results)
        assert sorted(h["status"] for h in heads) == ["corrected", "entered-in-error"]
        assert current(results)[0]["valueCodeableConcept"]["text"] == "Strong"
        gone = next(h for h in heads if h["status"] == "entered-in-error")
        assert "Withdrawn" in gone["text"]["div"]
        # A version that arrives late changes nothing.
        await it.publisher.publish(assessment(report=report, patient=patient, masses=2), event(report))
        assert it.said[-1] == "stale" and await place.results(patient) == results


async def test_h17_a_withdrawn_report_leaves_only_not_assessed_and_may_come_back(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        await it.publisher.publish(withdrawn(report=report, patient=patient, version="2"), event(report, "2"))
        now = current(await place.results(patient))
        assert [h["valueCodeableConcept"]["coding"][0]["code"] for h in now] == ["not-assessed"]
        await it.publisher.publish(assessment(report=report, patient=patient, version="3"), event(report, "3"))
        back = current(await place.results(patient))
        assert [(h["status"], h["valueCodeableConcept"]["text"]) for h in back] == [("corrected", "Moderate")]


async def test_a_deleted_report_withdraws_for_the_patient_whom_the_ledger_remembers(hapi: str, tmp_path: Path) -> None:
    # HAPI refuses to delete what a Provenance refers to; a site that deletes reports switches the references off.
    options = WriteOptions(software="test", source_references=False)
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite", options=options) as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        await place.client.delete(f"DiagnosticReport/{report}")
        gone = replace(withdrawn(report=report, patient=patient), patient=None, sources=(), reports=())
        await it.publisher.publish(gone, event(report, "2"))
        now = current(await place.results(patient))
        assert [h["valueCodeableConcept"]["coding"][0]["code"] for h in now] == ["not-assessed"]


async def test_h01_a_merged_patient_moves_with_the_same_results(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        old, new = await place.patient(), await place.patient()
        report = await place.report(old)
        first = await it.publisher.publish(assessment(report=report, patient=old), event(report))
        moved = await it.publisher.publish(assessment(report=report, patient=new), event(report))
        assert first == moved
        assert await place.results(old) == [] and len(await place.results(new)) == 8


async def test_h30_another_rule_set_writes_only_when_a_person_asks(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        newer = assessment(report=report, patient=patient, rules=Rules(version="2026.12.0", digest="1" * 64))
        before = await place.results(patient)
        await it.publisher.publish(newer, event(report))
        assert it.said[-1] == "rules" and await place.results(patient) == before
        await it.publisher.for_person().publish(newer, event(report))
        after = current(await place.results(patient))
        assert [h["status"] for h in after] == ["preliminary"] and after[0]["meta"]["versionId"] == "2"


async def test_what_a_clinician_confirmed_or_refused_is_respected(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient, masses=2), event(report))
        first, second = sorted(current(await place.results(patient)), key=lambda r: int(r["id"]))
        await place.client.update({**first, "status": "final"})
        await place.client.update({**second, "status": "entered-in-error"})
        changed = assessment(report=report, patient=patient, masses=2, tier=Tier.LIMITED)
        await it.publisher.publish(changed, event(report))
        results = {r["id"]: r for r in await place.results(patient)}
        assert results[first["id"]]["status"] == "amended"
        assert results[first["id"]]["valueCodeableConcept"]["text"] == "Limited"
        assert results[second["id"]]["status"] == "entered-in-error"
        assert results[second["id"]]["valueCodeableConcept"]["text"] == "Moderate"


@pytest.mark.parametrize(
    "fault", [Fault.DROP_AFTER, Fault.BAD_GATEWAY, Fault.DROP_BEFORE, Fault.CONFLICT, Fault.THROTTLED]
)
async def test_h29_one_fault_leaves_one_set(hapi: str, tmp_path: Path, fault: Fault) -> None:
    async with site(hapi) as place, fault_proxy(hapi) as proxy, bench(proxy.url, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        left = [fault]
        proxy.choose = lambda method, path: left.pop() if left and path == "/fhir" else None
        found = await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        assert not left and proxy.seen[fault] == 1
        results = await place.results(patient)
        assert len(results) == len(found) == 8
        assert {r["meta"]["versionId"] for r in results} == {"1"}
        trail = await place.client.search("Provenance", [("target", f"Observation/{results[0]['id']}")])
        assert len(trail.resources) == 1


async def test_doubles_that_somebody_made_are_withdrawn(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        head = current(await place.results(patient))[0]
        await place.client.create({k: v for k, v in head.items() if k not in ("id", "meta")})
        await place.client.update({**head, "status": "final"})  # so that the next write meets a conflict and looks
        changed = assessment(report=report, patient=patient, tier=Tier.LIMITED)
        await it.publisher.publish(changed, event(report))
        assert [h["valueCodeableConcept"]["text"] for h in current(await place.results(patient))] == ["Limited"]


async def test_nothing_is_sent_that_is_not_valid_or_not_allowed(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        broken = replace(assessment(report=report, patient=patient), patient="Patient/not allowed")
        broken = replace(broken, rules=Rules(version="", digest=""))
        with pytest.raises(FhirInvalidResource) as raised:
            await it.publisher.publish(broken, event(report))
        assert "not allowed" not in str(raised.value)
        stopped = replace(assessment(report=report, patient=patient), stopped_write=True)
        assert await it.publisher.publish(stopped, event(report)) == {}
        assert await place.results(patient) == []


async def test_a_refused_write_is_an_error_that_a_person_sees(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, bench(hapi, tmp_path / "s.sqlite") as it:
        patient = await place.patient()
        report = await place.report(patient)
        with pytest.raises(FhirRejected):
            await it.publisher.publish(assessment(report=report, patient="no-such-patient"), event(report))
        found = await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        assert len(found) == 8  # the lease was given back


async def test_silent_mode_records_and_sends_nothing(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place:
        patient = await place.patient()
        report = await place.report(patient)
        async with bench(hapi, tmp_path / "s.sqlite", enabled=False) as it:
            assert await it.publisher.publish(assessment(report=report, patient=patient), event(report)) == {}
            assert it.said == ["silent"] and await place.results(patient) == []
        async with bench(hapi, tmp_path / "s.sqlite") as it:
            assert len(await it.publisher.publish(assessment(report=report, patient=patient), event(report))) == 8


async def test_alert_resources_stand_and_fall_with_the_assessment(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place:
        doctor = (await place.file({"resourceType": "Practitioner"}))["id"]
        options = WriteOptions(
            software="test", recipient=f"Practitioner/{doctor}", task_owner=f"Practitioner/{doctor}", flag=True
        )
        async with bench(hapi, tmp_path / "s.sqlite", options=options) as it:
            patient = await place.patient()
            report = await place.report(patient)
            await it.publisher.publish(assessment(report=report, patient=patient), event(report))

            async def states() -> dict[str, str]:
                found = {}
                for kind in ("Communication", "Task", "Flag"):
                    resources = (await place.client.search(kind, [("patient", patient)])).resources
                    assert len(resources) == 1
                    found[kind] = resources[0]["status"]
                return found

            assert await states() == {"Communication": "completed", "Task": "requested", "Flag": "active"}
            await it.publisher.publish(withdrawn(report=report, patient=patient, version="2"), event(report, "2"))
            assert await states() == {"Communication": "entered-in-error", "Task": "cancelled", "Flag": "inactive"}


@pytest.mark.postgres
async def test_h29_two_replicas_on_one_postgresql_write_once(hapi: str, postgres_url: str) -> None:
    async with site(hapi) as place, bench(hapi, postgres_url) as one, bench(hapi, postgres_url) as other:
        patient = await place.patient()
        report = await place.report(patient)
        what = assessment(report=report, patient=patient)
        answers = await asyncio.gather(
            *(it.publisher.publish(what, event(report)) for it in (one, other, one, other)), return_exceptions=True
        )
        # The one that came second is told to come again; the inbox does that.
        assert not [a for a in answers if not isinstance(a, FhirConflict | dict)]
        assert any(isinstance(a, dict) for a in answers)
        again = await other.publisher.publish(what, event(report))
        results = await place.results(patient)
        assert len(results) == len(again) == 8 and {r["meta"]["versionId"] for r in results} == {"1"}
        changed = assessment(report=report, patient=patient, version="2")
        await other.publisher.publish(changed, event(report, "2"))
        assert await one.publisher.reconcile() == 0
        assert [h["status"] for h in current(await place.results(patient))] == ["corrected"]


async def test_h21_an_open_write_is_settled_at_start(hapi: str, tmp_path: Path) -> None:
    async with site(hapi) as place, fault_proxy(hapi) as proxy:
        patient = await place.patient()
        report = await place.report(patient)
        async with bench(proxy.url, tmp_path / "s.sqlite", timeout_s=1.0) as it:
            done: list[str] = []

            def choose(method: str, path: str) -> Fault | None:
                """The answer of the write is lost, then the server is away."""
                if done:
                    return Fault.DROP_BEFORE
                if (method, path) == ("POST", "/fhir"):
                    done.append(path)
                    return Fault.DROP_AFTER
                return None

            proxy.choose = choose
            with pytest.raises(FhirUnavailable):
                await it.publisher.publish(assessment(report=report, patient=patient), event(report))
        async with bench(hapi, tmp_path / "s.sqlite") as it:
            assert await it.publisher.reconcile() == 1
            assert await it.publisher.reconcile() == 0
            assert len(await it.publisher.publish(assessment(report=report, patient=patient), event(report))) == 8
            assert it.said == ["same"]
        assert {r["meta"]["versionId"] for r in await place.results(patient)} == {"1"}
