"""Modifier extensions, implicit rules, security labels, statuses, other FHIR versions, bad resources."""

import copy
import json
import random
from typing import Any

import pytest

from emhwatch.chart.model import Chart
from emhwatch.model.options import SiteOptions
from emhwatch.types import Resource
from tests.support.records import (
    ICD10,
    LOINC,
    ME,
    SNOMED,
    ago,
    chart,
    code,
    condition,
    drug,
    gaps,
    hb,
    observation,
    order,
    patient,
    procedure,
    report,
)

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
UNKNOWN_MODIFIER = [{"url": "https://example.org/not-really", "valueBoolean": True}]


def labelled(resource: Resource, value: str, system: str | None = CONFIDENTIALITY) -> Resource:
    return resource | {"meta": {"security": [{"system": system, "code": value}]}}


def everything() -> list[Resource]:
    """One resource of every type that is read."""
    return [
        patient(),
        hb(7.2),
        condition(code(ICD10, "D56.1")),
        report("x", imagingStudy=[{"reference": "ImagingStudy/i1"}]),
        {"resourceType": "ImagingStudy", "id": "i1", "status": "available", "subject": ME, "started": ago(1)},
        order(),
        procedure({"text": "Splenectomy"}),
        drug(),
        drug("warfarin", kind="MedicationStatement", id="m2"),
        drug("luspatercept", kind="MedicationAdministration", id="m3", status="completed"),
        observation(code(LOINC, "82810-3"), ident="pr", valueCodeableConcept=code(SNOMED, "77386006")),
        {"resourceType": "DocumentReference", "id": "d1", "status": "current", "subject": ME, "date": ago(3)},
        {"resourceType": "FamilyMemberHistory", "id": "f1", "patient": ME},
    ]


def entries(found: Chart) -> int:
    groups = (
        found.reports,
        found.documents,
        found.hemoglobin,
        found.labs,
        found.disorders,
        found.findings,
        found.drugs,
    )
    more = (found.transfusions, found.procedures, found.orders, found.studies, found.episodes, found.pregnancies)
    return sum(map(len, (*groups, *more)))


USED = [
    "Observation",
    "Condition",
    "DiagnosticReport",
    "ImagingStudy",
    "ServiceRequest",
    "Procedure",
    "MedicationRequest",
]


@pytest.mark.parametrize("kind", USED)
@pytest.mark.parametrize(
    ("more", "gap"),
    [
        ({"modifierExtension": UNKNOWN_MODIFIER}, "modifier-extension"),
        ({"implicitRules": "https://example.org/rules"}, "implicit-rules"),
        ({"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}, "restricted"),
    ],
)
def test_what_is_not_understood_is_not_used_and_named(kind: str, more: Resource, gap: str) -> None:
    mine = [r for r in everything() if r["resourceType"] in (kind, "Patient")][:2]
    plain, marked = chart(*mine, hook="p1"), chart(mine[0], mine[1] | more, hook="p1")
    assert entries(plain) > 0
    assert entries(marked) == 0
    assert gap in gaps(marked)
    assert marked.sources == ("Patient/p1",)


def test_patient_that_may_not_be_used_is_still_who_it_is() -> None:
    found = chart(labelled(patient(deceasedBoolean=True), "V"), hb(7), hook="p1")
    assert (found.patient, found.birth, found.sex, found.deceased, len(found.hemoglobin)) == (
        "Patient/p1",
        None,
        None,
        True,
        1,
    )


@pytest.mark.parametrize(
    ("value", "system", "allowed", "used"),
    [
        ("N", CONFIDENTIALITY, (), True),
        ("L", CONFIDENTIALITY, (), True),
        ("R", CONFIDENTIALITY, (), False),
        ("V", CONFIDENTIALITY, (), False),
        ("R", CONFIDENTIALITY, ("R",), True),
        ("V", CONFIDENTIALITY, ("R",), False),
        ("R", "http://hl7.org/fhir/v3/Confidentiality", (), False),
        ("X", CONFIDENTIALITY, (), False),
        ("R", None, (), False),
        ("HTEST", "http://terminology.hl7.org/CodeSystem/v3-ActReason", (), True),
    ],
)
def test_security_labels(value: str, system: str | None, allowed: tuple[str, ...], used: bool) -> None:
    found = chart(patient(), labelled(hb(7), value, system), options=SiteOptions(security_labels=allowed))
    assert len(found.hemoglobin) == used
    assert ("restricted" in gaps(found)) is not used
    assert {label.code for label in found.security} == ({value} if used and system else set())


def test_contained_resource_follows_its_holder_and_its_own_marks() -> None:
    inner = hb(7, ident="h9")
    del inner["subject"]
    assert len(chart(patient(), report("x", contained=[inner])).hemoglobin) == 1
    assert chart(patient(), report("x", contained=[inner | {"modifierExtension": UNKNOWN_MODIFIER}])).hemoglobin == ()
    assert chart(patient(), report("x", contained=[inner]) | {"implicitRules": "urn:x"}).hemoglobin == ()


def test_other_fhir_versions_are_named_and_the_rest_counts() -> None:
    stu3 = condition(
        code(ICD10, "D56.1"), clinicalStatus="active", verificationStatus="confirmed", assertedDate=ago(30)
    )
    del stu3["recordedDate"]
    found = chart(
        patient(),
        stu3,
        {"resourceType": "ProcedureRequest", "id": "q", "status": "active", "subject": ME},
        report("x", codedDiagnosis=[code(SNOMED, "40108008")], study=[{"reference": "ImagingStudy/i"}]),
        {"resourceType": "ImagingStudy", "id": "i", "patient": ME, "status": "available", "started": ago(2)},
    )
    (disorder,) = found.disorders
    assert (disorder.clinical, disorder.verification, disorder.keys()) == ("active", "confirmed", ("dx_thalassaemia",))
    assert disorder.recorded is not None
    assert [hit.keys for hit in found.reports[0].conclusions] == [("dx_thalassaemia",)]
    assert len(found.studies) == 1
    named = {(gap.code, gap.element) for gap in found.gaps}
    assert {
        ("foreign-element", "Condition.assertedDate"),
        ("foreign-element", "DiagnosticReport.codedDiagnosis"),
        ("foreign-element", "ImagingStudy.patient"),
        ("foreign-type", "ProcedureRequest"),
    } <= named


@pytest.mark.parametrize(
    "junk",
    [
        None,
        7,
        "text",
        [],
        {},
        {"resourceType": 5},
        {"resourceType": "Observation"},
        {"resourceType": "Observation", "subject": ME, "code": [], "component": {"code": 3}},
        {
            "resourceType": "Observation",
            "subject": ME,
            "status": ["final"],
            "valueQuantity": [[1]],
            "code": {"coding": 5},
        },
        {
            "resourceType": "DiagnosticReport",
            "subject": ME,
            "status": "final",
            "presentedForm": "x",
            "identifier": {"value": 4},
        },
        {
            "resourceType": "DiagnosticReport",
            "subject": ME,
            "status": "final",
            "contained": [1, None, {"id": 4}],
            "basedOn": 3,
        },
        {
            "resourceType": "Condition",
            "subject": [ME],
            "code": "D56.1",
            "onsetAge": {"value": "x"},
            "clinicalStatus": 4,
        },
        {"resourceType": "Patient", "id": ["x"], "link": {"other": 4}, "birthDate": 1985},
        {
            "resourceType": "ServiceRequest",
            "subject": ME,
            "status": "active",
            "occurrenceTiming": [4],
            "bodySite": "spine",
        },
        {
            "resourceType": "ImagingStudy",
            "subject": ME,
            "status": "available",
            "series": {"modality": "CT"},
            "started": 2026,
        },
        {"resourceType": "MedicationRequest", "subject": ME, "status": "active", "medicationReference": "#x"},
        {
            "resourceType": "Procedure",
            "subject": ME,
            "status": "completed",
            "performedAge": {"value": 1e300, "unit": "a"},
        },
        {
            "resourceType": "Bundle",
            "entry": {"resource": {"resourceType": "Bundle", "entry": [None, 4, {"resource": []}]}},
        },
        {
            "resourceType": "Observation",
            "subject": ME,
            "id": "x",
            "effectiveDateTime": "9999-12-31T23:59:59-14:00",
            "status": "final",
        },
        {"resourceType": "Observation", "subject": {"reference": "#"}, "contained": [{"resourceType": "Patient"}]},
    ],
)
def test_one_bad_resource_never_costs_the_chart(junk: Any) -> None:
    whole, with_junk = chart(*everything(), hook="p1"), chart(*everything(), junk, hook="p1")
    for name in ("hemoglobin", "disorders", "drugs", "orders", "procedures"):
        assert set(map(repr, getattr(whole, name))) <= set(map(repr, getattr(with_junk, name)))
    for name in ("birth", "sex", "patient", "hemoglobin"):
        assert getattr(with_junk, name) == getattr(whole, name)


def test_h21_generated_damage_never_breaks_the_chart() -> None:
    """Elements of good resources are replaced by anything; what is left still gives a chart."""
    chance = random.Random(20260315)
    for _ in range(400):
        broken = json.loads(json.dumps(everything()))
        victim = broken[chance.randrange(1, len(broken))]
        _damage(victim, chance)
        found = chart(*broken, hook="p1")
        assert found.patient == "Patient/p1"
        untouched = [r for r in broken if r is not victim]
        for kind, name in (("Condition", "disorders"), ("ServiceRequest", "orders"), ("Procedure", "procedures")):
            if any(r["resourceType"] == kind for r in untouched):
                assert getattr(found, name), victim


def _damage(node: Any, chance: random.Random) -> None:
    anything: list[Any] = [
        None,
        [],
        {},
        "",
        "?",
        -1,
        1e308,
        True,
        [None],
        {"coding": None},
        [[]],
        "2026-02-30",
        {"reference": 5},
    ]
    while isinstance(node, dict) and node:
        name = chance.choice(sorted(set(node) - {"resourceType"}) or ["x"])
        below = node.get(name)
        if isinstance(below, dict) and below and chance.random() < 0.6:
            node = below
            continue
        if isinstance(below, list) and below and isinstance(below[0], dict) and chance.random() < 0.6:
            node = below[0]
            continue
        node[name] = copy.deepcopy(chance.choice(anything))
        return


def test_order_pages_and_repetition_change_nothing() -> None:
    whole = [*everything(), hb(7.2, ident="h2", days=5), hb(8, ident="h3", days=120), report("y", ident="r2", days=40)]
    expected = chart(*whole, focus="DiagnosticReport/r1")
    chance = random.Random(7)
    for _ in range(30):
        mixed = whole[:]
        chance.shuffle(mixed)
        assert chart(*mixed, focus="DiagnosticReport/r1") == expected
        cut = chance.randrange(len(mixed))
        pages = [
            {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in part]}
            for part in (mixed[:cut], mixed[cut:])
        ]
        assert chart(*pages, focus="DiagnosticReport/r1") == expected
        twice = [*mixed, *json.loads(json.dumps(mixed))]
        assert chart(*twice, focus="DiagnosticReport/r1") == expected


def test_sources_are_versioned_and_only_what_was_used() -> None:
    found = chart(patient(meta={"versionId": "4"}), hb(7, meta={"versionId": "2"}), hb(None, ident="none"), hook="p1")
    assert found.sources == ("Observation/h1/_history/2", "Patient/p1/_history/4")
