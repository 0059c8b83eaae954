"""The chart of an event: which evaluations it causes, what is read, and what a failure costs (H21)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from emhwatch.chart.fetch import ServerChartFetcher
from emhwatch.errors import (
    FHIR_LASTING,
    FhirError,
    FhirForbidden,
    FhirGone,
    FhirNotFound,
    FhirRejected,
    FhirUnavailable,
)
from emhwatch.model.event import ResourceEvent
from emhwatch.ports import ChartData, Query, SearchResult
from emhwatch.tables.load import load_tables
from emhwatch.types import Resource
from tests.support.records import ICD10, LOINC, ME, ago, chart, code, condition, hb, observation, order, patient, report


@dataclass
class Server:
    """A FHIR server in memory that can refuse, fail and cut off."""

    resources: list[Resource]
    binaries: dict[str, bytes] = field(default_factory=dict)
    failing: dict[str, Exception] = field(default_factory=dict)  #: resource type: what its search raises
    unknown: set[str] = field(default_factory=set)  #: parameters that are refused
    cut: set[str] = field(default_factory=set)  #: types whose searches are not complete
    asked: list[tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=list)

    async def read(self, reference: str, *, version: str | None = None) -> Resource:
        for resource in self.resources:
            if f"{resource['resourceType']}/{resource['id']}" == reference:
                if version is None and resource.get("deleted"):
                    raise FhirGone
                return resource
        raise FhirNotFound

    async def search(
        self, resource_type: str, params: Sequence[tuple[str, str]], *, max_resources: int = 1000
    ) -> SearchResult:
        self.asked.append((resource_type, tuple(params)))
        if resource_type in self.failing:
            raise self.failing[resource_type]
        if self.unknown & {name for name, _ in params}:
            raise FhirRejected
        wanted = dict(params)
        people = {f"Patient/{ident}" for ident in wanted.get("patient", "").split(",")}
        found = [
            r
            for r in self.resources
            if r["resourceType"] == resource_type
            and (
                (resource_type == "Patient" and self._patient(r, wanted))
                or r.get("subject", {}).get("reference") in people
            )
        ]
        return SearchResult(tuple(found), resource_type not in self.cut)

    async def search_together(self, queries: Sequence[Query]) -> list[SearchResult | FhirError]:
        found: list[SearchResult | FhirError] = []
        for query in queries:
            try:
                found.append(await self.search(query.resource_type, query.params, max_resources=query.max_resources))
            except FHIR_LASTING as error:
                found.append(error)
        return found

    @staticmethod
    def _patient(resource: Resource, wanted: dict[str, str]) -> bool:
        tokens = {f"{i['system']}|{i['value']}" for i in resource.get("identifier", [])}
        links = {link["other"]["reference"] for link in resource.get("link", [])}
        mine = resource["id"] == wanted.get("_id")
        return mine or wanted.get("identifier") in tokens or wanted.get("link") in links

    async def binary(self, reference: str, *, max_bytes: int) -> tuple[bytes, str | None]:
        if reference not in self.binaries:
            raise FhirNotFound
        if len(self.binaries[reference]) > max_bytes:
            raise FhirRejected
        return self.binaries[reference], "text/plain"


def fetch(server: Server, reference: str = "DiagnosticReport/r1", **more: object) -> list[ChartData]:
    kind, ident = reference.split("/")
    event = ResourceEvent(server="s", resource_type=kind, resource_id=ident, version="2", **more)  # type: ignore[arg-type]
    return list(asyncio.run(ServerChartFetcher(server, load_tables()).fetch(event)))


def held(data: ChartData) -> set[str]:
    return {f"{r['resourceType']}/{r['id']}" for r in data.resources}


STUDY: Resource = {"resourceType": "ImagingStudy", "id": "i1", "status": "available", "subject": ME, "started": ago(1)}


def test_report_with_its_chart() -> None:
    server = Server([patient(), report("x"), hb(7), condition(code(ICD10, "D56.1")), order(), STUDY, patient("p2")])
    (data,) = fetch(server)
    assert (data.focus, data.patient, data.withdrawn, data.incomplete) == (
        "DiagnosticReport/r1",
        "Patient/p1",
        False,
        (),
    )
    assert held(data) >= {"Patient/p1", "DiagnosticReport/r1", "Observation/h1", "Condition/c1", "ServiceRequest/s1"}
    assert "Patient/p2" not in held(data)
    assert len(server.asked) <= 16


def test_h21_hemoglobin_is_asked_for_by_code_too() -> None:
    server = Server([patient(), report("x")])
    fetch(server)
    wanted = [dict(params)["code"] for kind, params in server.asked if kind == "Observation" and "code" in dict(params)]
    assert len(wanted) == 1
    assert f"{LOINC}|718-7" in wanted[0].split(",")


@pytest.mark.parametrize("parameter", ["_sort", "_include"])
def test_search_parameter_that_is_not_supported(parameter: str) -> None:
    (data,) = fetch(Server([patient(), report("x"), hb(7), condition(code(ICD10, "D56.1"))], unknown={parameter}))
    assert data.incomplete == ()
    assert {"Observation/h1", "Condition/c1"} <= held(data)


@pytest.mark.parametrize(
    ("kind", "error", "gap"),
    [
        ("Condition", FhirForbidden(), "fetch-conditions"),
        ("Observation", FhirRejected(), "fetch-hemoglobin"),
        ("MedicationRequest", FhirForbidden(), "fetch-drugs"),
        ("ServiceRequest", FhirNotFound(), "fetch-orders"),
        ("DocumentReference", FhirForbidden(), "fetch-documents"),
    ],
)
def test_h21_part_that_cannot_be_read_is_named(kind: str, error: Exception, gap: str) -> None:
    (data,) = fetch(Server([patient(), report("x"), hb(7)], failing={kind: error}))
    assert data.incomplete == (gap,)
    assert "DiagnosticReport/r1" in held(data)


def test_h21_what_may_pass_is_tried_again_by_the_inbox() -> None:
    with pytest.raises(FhirUnavailable):
        fetch(Server([patient(), report("x")], failing={"Condition": FhirUnavailable()}))


def test_h21_search_that_was_cut_off_is_named() -> None:
    (data,) = fetch(Server([patient(), report("x")], cut={"Condition"}))
    assert data.incomplete == ("cut-off",)


def test_h01_merged_records_are_fetched_together() -> None:
    old = patient("old", link=[{"type": "replaced-by", "other": {"reference": "Patient/p1"}}])
    older = {"subject": {"reference": "Patient/old"}}
    for server in (
        Server([patient(), old, report("x"), hb(7) | older]),
        Server([patient(), old, report("x") | older, hb(7)]),
    ):
        (data,) = fetch(server)
        assert data.patient == "Patient/p1"
        assert {"Patient/p1", "Patient/old", "Observation/h1"} <= held(data)
        assert len(chart(*data.resources, focus=data.focus, hook=data.patient).hemoglobin) == 1


def test_subject_by_identifier_alone() -> None:
    number = {"system": "urn:nhs", "value": "1"}
    named = {"subject": {"identifier": number}}
    (data,) = fetch(Server([patient(identifier=[number]), report("x") | named, hb(7)]))
    assert (data.patient, "Observation/h1" in held(data)) == ("Patient/p1", True)
    (alone,) = fetch(Server([report("x") | named, hb(7)]))
    assert (alone.patient, held(alone)) == (None, {"DiagnosticReport/r1"})


@pytest.mark.parametrize("deleted", [True, False])
def test_h17_deleted_report_is_withdrawn_for_its_patient(deleted: bool) -> None:
    gone = report("x") | {"deleted": True}
    (data,) = fetch(Server([patient(), gone, hb(7)]), deleted=deleted)
    assert (data.focus, data.patient, data.withdrawn) == ("DiagnosticReport/r1", "Patient/p1", True)
    assert "DiagnosticReport/r1" not in held(data)
    assert "Observation/h1" in held(data)


def test_h17_deleted_report_that_left_nothing() -> None:
    (data,) = fetch(Server([patient()]), deleted=True)
    assert (data.patient, data.withdrawn, data.resources) == (None, True, ())
    assert fetch(Server([patient()]), "Observation/h1", deleted=True) == []


def test_study_without_report_and_with_its_reports() -> None:
    (data,) = fetch(Server([patient(), STUDY, report("x")]), "ImagingStudy/i1")
    assert data.focus == "ImagingStudy/i1"
    linked = report("x", imagingStudy=[{"reference": "ImagingStudy/i1"}])
    (data,) = fetch(Server([patient(), STUDY, linked]), "ImagingStudy/i1")
    assert data.focus == "DiagnosticReport/r1"


@pytest.mark.parametrize(
    ("changed", "focuses"),
    [
        (hb(7), ["DiagnosticReport/new"]),
        (condition(code(ICD10, "D56.1")), ["DiagnosticReport/new"]),
        (order(), ["DiagnosticReport/new"]),
        (observation(code(LOINC, "2345-7", "Glucose")), []),
        (observation({"coding": [{"system": "urn:emhwatch", "code": "assessment"}]}), []),
        (order("Wheelchair"), []),
    ],
)
def test_h17_other_data_evaluate_the_newest_report_anew(changed: Resource, focuses: list[str]) -> None:
    old, lab = (
        report("x", ident="old", days=90),
        report("x", ident="lab", days=0, category=None, code=code(LOINC, "58410-2")),
    )
    withdrawn = report("x", ident="bad", days=0, status="entered-in-error")
    server = Server([patient(), old, report("y", ident="new", days=3), lab, withdrawn, changed])
    assert [data.focus for data in fetch(server, f"{changed['resourceType']}/{changed['id']}")] == focuses


def test_coded_mass_without_any_report_is_evaluated_itself() -> None:
    mass = condition(code("http://human-phenotype-ontology.org", "HP:0033829"))
    assert [data.focus for data in fetch(Server([patient(), mass]), "Condition/c1")] == ["Condition/c1"]
    assert fetch(Server([patient(), condition(code(ICD10, "D56.1"))]), "Condition/c1") == []


def test_linked_text_is_fetched_from_this_server() -> None:
    linked = report(None, presentedForm=[{"contentType": "text/plain", "url": "Binary/b1"}])
    words = b"CT chest: right paravertebral mass T9-T10."
    (data,) = fetch(Server([patient(), linked], binaries={"Binary/b1": words}))
    found = chart(*data.resources, focus=data.focus).focus_report
    assert found is not None
    assert found.reading is not None
    assert found.reading.text == words.decode()
    (missing,) = fetch(Server([patient(), linked]))
    assert missing.incomplete == ("fetch-binary",)
