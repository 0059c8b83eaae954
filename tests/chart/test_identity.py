"""Report subject, order subject, hook patient and merge links concern one patient, or nothing is said (R0)."""

from typing import Any

import pytest

from emhwatch.chart.model import Identity
from emhwatch.types import Resource
from tests.support.records import ME, ago, chart, code, condition, gaps, hb, order, patient, report

NHS = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000001"}


def other(ident: str = "p2", **more: Any) -> Resource:
    return patient(ident, gender="female", birthDate="1950") | more


def about(resource: Resource, reference: Any) -> Resource:
    return resource | {"subject": {"reference": reference} if isinstance(reference, str) else reference}


def test_h01_report_of_another_patient_than_the_hooks() -> None:
    found = chart(
        patient(), other(), about(report("mass"), "Patient/p2"), hb(7), focus="DiagnosticReport/r1", hook="p1"
    )
    assert found.identity is Identity.MISMATCH
    assert (found.patient, found.hemoglobin, found.reports) == (None, (), ())


def test_h01_order_of_another_patient() -> None:
    found = chart(
        patient(), other(), report("mass"), focus="DiagnosticReport/r1", drafts=(about(order(), "Patient/p2"),)
    )
    assert found.identity is Identity.MISMATCH


def test_h01_order_whose_subject_cannot_be_resolved_is_nobodys() -> None:
    for subject in ({"display": "somebody"}, {"reference": "Group/g"}, {"identifier": NHS}):
        draft = order(subject=subject)
        assert chart(patient(), report("x"), focus="DiagnosticReport/r1", drafts=(draft,)).identity is Identity.MISMATCH


def test_order_without_a_subject_is_of_the_patient_in_context() -> None:
    draft = order()
    del draft["subject"]
    found = chart(patient(), report("x"), focus="DiagnosticReport/r1", drafts=(draft,))
    assert (found.identity, len(found.orders)) == (Identity.RESOLVED, 1)


@pytest.mark.parametrize("hook", ["p1", "Patient/p1", "https://fhir.example/r4/Patient/p1", "Patient/p1/_history/2"])
def test_h01_report_order_and_hook_of_one_patient(hook: str) -> None:
    found = chart(patient(), report("mass"), hb(7), focus="DiagnosticReport/r1", hook=hook, drafts=(order(),))
    assert (found.identity, found.patient) == (Identity.RESOLVED, "Patient/p1")
    assert len(found.hemoglobin) == len(found.orders) == 1


def test_h01_other_patients_resources_in_the_bundle_never_count() -> None:
    theirs = [about(hb(5), "Patient/p2"), about(condition({"text": "beta thalassemia"}), "Patient/p2"), other()]
    found = chart(patient(), report("mass"), *theirs, focus="DiagnosticReport/r1")
    assert (found.patient, found.hemoglobin, found.disorders, found.sex) == ("Patient/p1", (), (), "male")
    assert "other-patient" in gaps(found)


def test_h01_merged_records_are_one_patient() -> None:
    old = patient("old", birthDate="1901-01-01", link=[{"type": "replaced-by", "other": {"reference": "Patient/p1"}}])
    for link in ({}, {"link": [{"type": "replaces", "other": {"reference": "Patient/old"}}]}):
        records = (patient(**link), old if not link else patient("old"))
        found = chart(
            *records, about(report("mass"), "Patient/old"), hb(7), focus="DiagnosticReport/r1", hook="Patient/old"
        )
        assert (found.identity, found.patient) == (Identity.RESOLVED, "Patient/p1")
        assert found.birth is not None
        assert found.birth.first.year == 1985
        assert len(found.hemoglobin) == 1


def test_h01_chain_and_circle_of_merges() -> None:
    def replaced(ident: str, by: str) -> Resource:
        return patient(ident, link=[{"type": "replaced-by", "other": {"reference": f"Patient/{by}"}}])

    chain = (replaced("a", "b"), replaced("b", "p1"), patient())
    assert chart(*chain, about(report("x"), "Patient/a"), focus="DiagnosticReport/r1").patient == "Patient/p1"
    circle = (replaced("a", "b"), replaced("b", "a"))
    found = chart(*circle, about(report("x"), "Patient/a"), about(hb(7), "Patient/b"), focus="DiagnosticReport/r1")
    assert (found.patient, len(found.hemoglobin)) == ("Patient/a", 1)


@pytest.mark.parametrize("kind", ["seealso", "refer", "asd", None])
def test_h01_links_that_do_not_merge(kind: str | None) -> None:
    linked = other(link=[{"type": kind, "other": {"reference": "Patient/p1"}}])
    found = chart(patient(), linked, report("x"), about(hb(7), "Patient/p2"), focus="DiagnosticReport/r1")
    assert (found.patient, found.hemoglobin) == ("Patient/p1", ())


def test_h01_record_with_two_successors_is_not_merged() -> None:
    links = [{"type": "replaced-by", "other": {"reference": f"Patient/{p}"}} for p in ("p1", "p3")]
    found = chart(
        patient(),
        patient("p3"),
        other(link=links),
        about(report("x"), "Patient/p2"),
        hook="p1",
        focus="DiagnosticReport/r1",
    )
    assert found.identity is Identity.MISMATCH


def entry(url: str, resource: Resource) -> Resource:
    return {"fullUrl": url, "resource": resource}


def bundle(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def test_urn_uuid_and_bodies_without_id() -> None:
    me, it = "urn:uuid:0000-1", "urn:uuid:0000-2"
    body = about(report("x"), me)
    body.pop("id")
    who = patient()
    who.pop("id")
    value = about(hb(7), me)
    value.pop("id")
    found = chart(bundle(entry(me, who), entry(it, body), {"resource": value}), focus=it)
    assert (found.identity, found.patient) == (Identity.RESOLVED, me)
    assert found.focus_report is not None
    assert (found.focus_report.reference, found.hemoglobin[0].reference) == (it, None)


@pytest.mark.parametrize(
    "subject",
    [
        "Patient/p1",
        "Patient/p1/_history/4",
        "https://ehr.example/fhir/Patient/p1",
        "https://ehr.example/fhir/Patient/p1/_history/4",
        {"identifier": NHS},
        {"identifier": NHS, "type": "Patient"},
        [{"identifier": NHS}],
        "Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000001",
        {"reference": "Patient/p1", "display": "somebody"},
        {"reference": "Patient/p1", "identifier": NHS},
    ],
)
def test_subjects_that_mean_the_patient(subject: Any) -> None:
    who = entry("https://ehr.example/fhir/Patient/p1", patient(identifier=[NHS]))
    found = chart(
        bundle(who, {"resource": about(report("x"), subject)}, {"resource": hb(7)}), focus="DiagnosticReport/r1"
    )
    assert (found.identity, found.patient, len(found.hemoglobin)) == (Identity.RESOLVED, "Patient/p1", 1)


@pytest.mark.parametrize(
    "subject",
    [
        "https://elsewhere.example/fhir/Patient/p1",
        {"identifier": NHS | {"value": "0"}},
        {"reference": "Patient/p1", "identifier": NHS | {"value": "0"}},
        {"display": "somebody"},
        {"reference": ""},
        {"reference": "Group/g1"},
        {"reference": "Device/d1"},
        {"reference": "Patient/p1", "type": "Patient", "identifier": NHS | {"value": "1"}},
        [{"reference": "Patient/p1"}, {"reference": "Patient/p2"}],
        None,
        "p1",
    ],
)
def test_h01_subjects_that_do_not_mean_the_patient(subject: Any) -> None:
    who = entry("https://ehr.example/fhir/Patient/p1", patient(identifier=[NHS]))
    value = hb(7) | {"subject": {"reference": subject} if isinstance(subject, str) else subject}
    found = chart(bundle(who, {"resource": report("x")}, {"resource": value}), focus="DiagnosticReport/r1")
    assert (found.patient, found.hemoglobin) == ("Patient/p1", ())
    assert gaps(found) & {"no-patient", "not-a-patient", "other-patient"}


def test_unresolvable_patient_leaves_the_report_and_no_chart() -> None:
    alone = report("x")
    alone.pop("subject")
    found = chart(patient(), hb(7), alone, focus="DiagnosticReport/r1")
    assert (found.identity, found.patient, found.hemoglobin) == (Identity.UNKNOWN, None, ())
    assert found.focus_report is not None
    assert found.birth is None


def test_h01_unresolvable_report_is_not_the_hook_patients() -> None:
    alone = report("x")
    alone.pop("subject")
    assert chart(patient(), alone, focus="DiagnosticReport/r1", hook="p1").identity is Identity.MISMATCH


def test_patient_known_by_reference_only() -> None:
    found = chart(report("x"), hb(7), focus="DiagnosticReport/r1")
    assert (found.identity, found.patient, found.birth, len(found.hemoglobin)) == (
        Identity.RESOLVED,
        "Patient/p1",
        None,
        1,
    )


def test_patient_known_by_identifier_only() -> None:
    same = {"subject": {"identifier": NHS}}
    found = chart(report("x") | same, hb(7) | same, focus="DiagnosticReport/r1")
    assert (found.identity, found.patient, len(found.hemoglobin)) == (Identity.RESOLVED, None, 1)


def test_contained_patient() -> None:
    inside = patient("c", identifier=[NHS])
    focus = about(report("x", contained=[inside]), "#c")
    found = chart(focus, hb(7) | {"subject": {"identifier": NHS}}, focus="DiagnosticReport/r1")
    assert (found.identity, len(found.hemoglobin)) == (Identity.RESOLVED, 1)
    known = chart(focus, patient(identifier=[NHS]), hb(7), focus="DiagnosticReport/r1")
    assert (known.patient, len(known.hemoglobin)) == ("Patient/p1", 1)


def test_h01_same_id_on_two_servers_is_two_patients() -> None:
    here, there = "https://a.example/fhir", "https://b.example/fhir"
    found = chart(
        bundle(
            entry(f"{here}/Patient/p1", patient()),
            entry(f"{there}/Patient/p1", other("p1")),
            entry(f"{here}/DiagnosticReport/r1", report("x")),
            entry(f"{there}/Observation/h1", hb(5)),
            entry(f"{here}/Observation/h2", hb(9, ident="h2")),
        ),
        focus="DiagnosticReport/r1",
    )
    assert found.sex == "male"
    assert [v.reference for v in found.hemoglobin] == ["Observation/h2"]


@pytest.mark.parametrize(
    "more",
    [
        {"deceasedBoolean": True},
        {"deceasedBoolean": "true"},
        {"deceasedDateTime": "2026"},
        {"deceasedDateTime": "2026-03-01"},
    ],
)
def test_h01_deceased(more: Resource) -> None:
    assert chart(patient() | more, report("x"), focus="DiagnosticReport/r1").deceased
    old = patient("old", link=[{"type": "replaced-by", "other": {"reference": "Patient/p1"}}]) | more
    assert chart(patient(), old, report("x"), focus="DiagnosticReport/r1").deceased
    assert not chart(patient(deceasedBoolean=False), report("x"), focus="DiagnosticReport/r1").deceased


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        ("1985-06-01", ("1985-06-01", "1985-06-01")),
        ("1985", ("1985-01-01", "1985-12-31")),
        ("1985-06", ("1985-06-01", "1985-06-30")),
        ("2026", ("2026-01-01", "2026-03-15")),
        (None, None),
        ("2026-04-01", None),
        ("01.06.1985", None),
        ("", None),
    ],
)
def test_birth_dates(birth: str | None, expected: tuple[str, str] | None) -> None:
    found = chart(
        patient(birthDate=birth, _birthDate={"extension": []}), report("x"), focus="DiagnosticReport/r1"
    ).birth
    assert (found and (found.first.isoformat(), found.last.isoformat())) == expected


def test_focus_that_is_not_there() -> None:
    found = chart(patient(), hb(7), focus="DiagnosticReport/gone", hook="p1")
    assert (found.focus_found, found.focus_report, len(found.hemoglobin)) == (False, None, 1)
    assert "focus-missing" in gaps(found)


def test_without_focus_the_one_patient_of_the_records() -> None:
    assert chart(patient(), hb(7)).patient == "Patient/p1"
    assert chart(hb(7)).patient == "Patient/p1"
    assert chart(hb(7), about(hb(8, ident="x"), "Patient/p2")).identity is Identity.MISMATCH
    assert chart().identity is Identity.UNKNOWN


def test_h26_family_member_history_is_never_read() -> None:
    mother = {
        "resourceType": "FamilyMemberHistory",
        "id": "f",
        "status": "completed",
        "patient": ME,
        "condition": [{"code": code("http://hl7.org/fhir/sid/icd-10", "D56.1"), "onsetString": ago(9)}],
    }
    with_it, without = chart(patient(), mother, report("x")), chart(patient(), report("x"))
    assert with_it == without
