"""Shapes that other people's servers send, each through the whole path; the expected answer stands beside the shape.

A report of a mass in a patient with thalassemia (B1, warning) is written in every way; the answer must stay the same.
"""

import base64
from typing import Any

import pytest

from emhwatch.assess.evaluate import evaluate
from tests.assess.bundles import ICD, SUBJECT, TABLES, Json, T, ago, assess, bundle, condition, hb, report

TEXT = "FINDINGS: Right paravertebral mass at T10.\nIMPRESSION: Right paravertebral mass."
B1 = condition("D56.1")
V2 = "http://terminology.hl7.org/CodeSystem/v2-0074"


def data(words: str | bytes = TEXT, kind: str | None = "text/plain") -> Json:
    raw = words if isinstance(words, bytes) else words.encode()
    made = {"data": base64.b64encode(raw).decode()}
    return made | ({"contentType": kind} if kind else {})


def category(system: str | None, code: str | None, words: str | None = None) -> Json:
    coding = {k: v for k, v in (("system", system), ("code", code)) if v}
    return {"category": [({"coding": [coding]} if coding else {}) | ({"text": words} if words else {})]}


CATEGORIES = [
    category(V2, "RAD"),
    category("http://hl7.org/fhir/v2/0074", "RAD"),
    category("http://hl7.org/fhir/ValueSet/diagnostic-service-sections", "RAD"),
    category("http://loinc.org", "LP29684-5"),
    category("http://loinc.org", "18726-0"),
    category("http://snomed.info/sct", "394914008"),
    category("http://snomed.info/sct", "4201000179104"),
    category("http://snomed.info/sct", "363679005"),
    category("http://terminology.hl7.org/CodeSystem/observation-category", "imaging"),
    category(V2, "IMG"),
    category(None, None, "Radiology"),
    {"category": None},
    {"category": {"coding": {"system": V2, "code": "RAD"}}},
]

FINDINGS = {"resourceType": "Observation", "status": "final", "code": {"text": "Findings"}, "valueString": TEXT}

CARRIERS: list[Json] = [
    {"presentedForm": [data(kind="text/plain; charset=utf-8")]},
    {"presentedForm": data()},
    {"presentedForm": [data(kind=None)]},
    {"presentedForm": [data(f"<html><body><p>{TEXT}</p><!-- no mass --></body></html>", "text/html")]},
    {"presentedForm": [data(f"<div>{TEXT}</div>", "application/xhtml")]},
    {"presentedForm": [data("{\\rtf1\\ansi " + TEXT.replace("\n", "\\par ") + "}", "text/plain")]},
    {"presentedForm": [data(TEXT.replace("\n", "\\n"))]},
    {"presentedForm": [data(TEXT.encode("utf-16"), "text/plain; charset=utf-16")]},
    {"presentedForm": None, "conclusion": TEXT},
    {"presentedForm": [{"url": "https://x.example/r.pdf", "contentType": "application/pdf"}], "conclusion": TEXT},
    {"presentedForm": None, "text": {"status": "generated", "div": f"<div>{TEXT}</div>"}},
    {"presentedForm": None, "text": {"status": "additional", "div": f"<div>{TEXT}</div>"}},
    {"presentedForm": None, "extension": [
        {"url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note",
         "valueAnnotation": {"text": TEXT}}]},
    {"presentedForm": None, "contained": [
        FINDINGS | {"id": "o"}],
     "result": [{"reference": "#o"}]},
    {"presentedForm": None, "contained": [
        FINDINGS | {"id": "o"}],
     "result": {"reference": "#o"}},
]  # fmt: skip

ELEMENTS: list[Json] = [
    {"effectiveDateTime": f"{ago(3)}T09:12:44.123+02:00"},
    {"effectiveDateTime": f"{ago(3)}T09:12:44Z"},
    {"effectiveDateTime": f"{ago(3)}T09:12:44"},
    {"effectiveDateTime": ago(3)[:7]},
    {"effectiveDateTime": ago(3)[:4]},
    {"effectiveDateTime": None, "effectivePeriod": {"end": ago(3)}},
    {"effectiveDateTime": None, "issued": f"{ago(3)}T09:12:44"},
    {"effectiveDateTime": None, "issued": None},
    {"status": "amended"}, {"status": "corrected"}, {"status": "appended"},
    {"subject": {"reference": "https://sender.example/fhir/Patient/p"}},
    {"subject": {"reference": "Patient/p/_history/3"}},
    {"subject": [SUBJECT]},
    {"encounter": [{"reference": ""}]},
    {"performer": [{"reference": "Practitioner?identifier=x|1"}], "basedOn": [{"reference": "ServiceRequest/none"}]},
    {"result": {"reference": "Observation/none"}},
    {"imagingStudy": [{"reference": "ImagingStudy/none"}]},
    {"codedDiagnosis": [{"text": "x"}], "context": {"reference": "Encounter/e"}, "image": {"comment": "x"}},
    {"code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "72128", "isUserSelected": True}]}},
]  # fmt: skip


@pytest.mark.parametrize("shape", [*CATEGORIES, *CARRIERS, *ELEMENTS])
def test_a_report_in_the_shapes_of_real_servers(shape: Json) -> None:
    found = assess(report(TEXT) | shape, B1)
    assert (found.row, found.value, found.blood.grade) == ("R6", "present", "B1"), [gap.code for gap in found.missing]


@pytest.mark.parametrize("status", ["registered", "cancelled", "unknown", "2", "asd", "", None])
def test_a_report_of_another_status_is_no_source(status: str | None) -> None:
    found = assess(report(TEXT, status=status), B1)
    assert found.value == "unknown" and found.row in ("R4", "R0")
    assert found.missing or found.row == "R0"


@pytest.mark.parametrize(
    "other",
    [
        category(V2, "RAD") | {"code": {"text": "Bone marrow biopsy"}},
        category(V2, "RAD") | {"code": {"text": "Electrocardiogram"}},
        category(V2, "LAB") | {"code": {"text": "Lipid panel"}},
    ],
)
def test_a_report_filed_as_radiology_by_mistake_is_none(other: Json) -> None:
    assert assess(report(TEXT) | other, B1).value == "unknown"


@pytest.mark.parametrize(
    "shape",
    [
        {"presentedForm": [{"contentType": "application/pdf", "url": "https://elsewhere.example/r.pdf"}]},
        {"presentedForm": [{"contentType": "image/jpeg", "data": base64.b64encode(b"\xff\xd8\xff\xe0").decode()}]},
        {"presentedForm": [{}]},
        {"presentedForm": [{"url": "Binary/none"}], "conclusion": "Normal - no action"},
        {"presentedForm": [{"contentType": "PDF", "data": base64.b64encode(b"%PDF-1.4 broken").decode()}]},
    ],
)
def test_a_carrier_without_words_is_named_and_says_nothing(shape: Json) -> None:
    found = assess(report(TEXT) | shape, B1)
    assert (found.row, found.value) == ("R4", "unknown")
    assert {"attachment", "not-readable"} & {gap.code for gap in found.missing}


PROBLEMS: list[tuple[Json, str]] = [
    (condition("D56.1") | {"clinicalStatus": "active", "verificationStatus": "confirmed"}, "B1"),
    (condition("D56.1") | {"code": [{"coding": {"system": ICD, "code": "D56.1"}}]}, "B1"),
    (condition("D56.1") | {"code": {"coding": [
        {"system": "urn:oid:2.16.840.1.113883.6.90", "code": "D56.1"}, {"system": "urn:local", "code": 7}]}}, "B1"),
    (condition(None, "Beta thalassemia intermedia"), "B1"),
    (condition("D56.1") | {"onsetAge": {"value": 2, "unit": "a"}}, "B1"),
    (condition("D56.1") | {"onsetString": "in childhood"}, "B1"),
    (condition("D56.1") | {"subject": {"reference": "Patient/other"}}, "unknown"),
    (condition("D56.1") | {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "unknown"),
    (condition("D56.1") | {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, "unknown"),
    ({"resourceType": "FamilyMemberHistory", "status": "completed", "patient": SUBJECT,
      "condition": [{"code": {"coding": [{"system": "http://snomed.info/sct", "code": "65959000"}]}}]}, "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "grade"), PROBLEMS)
def test_a_disease_in_the_shapes_of_real_servers(problem: Json, grade: str) -> None:
    assert assess(report(TEXT), problem).blood.grade == grade


BROKEN: list[Any] = [
    {"resourceType": "Observation"}, {"resourceType": "Observation", "valueQuantity": 7}, {"resourceType": 7}, {},
    {"resourceType": "Condition", "code": "D56.1", "subject": []},
    {"resourceType": "DiagnosticReport", "code": []},
    hb(70, 5) | {"effectiveDateTime": "soon"}, hb(70, 5) | {"valueQuantity": None},
    hb(70, 5) | {"status": "cancelled"},
    hb(70, 5) | {"dataAbsentReason": {"text": "not done"}},
    hb(70, 5) | {"valueQuantity": {"value": "x", "unit": "g/L"}},
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_neighbor_never_costs_the_chart(broken: Json) -> None:
    good = bundle(report(TEXT), B1)
    found = assess(*good, *([{"id": "broken"} | broken] if broken.get("resourceType") else []))
    assert (found.row, found.blood.grade, found.error) == ("R6", "B1", None)


@pytest.mark.parametrize(
    "full", ["urn:uuid:5c2b8a1e-0000-4000-8000-000000000001", "https://sender.example/fhir/Patient/p", None]
)
def test_references_resolve_by_the_full_url(full: str | None) -> None:
    resources = bundle(report(TEXT), B1)
    subject = {"reference": full or "Patient/p"}
    entries = []
    for resource in resources:
        entry: Json = {"resource": resource | ({"subject": subject} if "subject" in resource else {})}
        if resource["resourceType"] == "Patient" and full:
            entry["fullUrl"] = full
        entries.append(entry)
    made = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    found = evaluate([made], focus="DiagnosticReport/r1", now=T, tables=TABLES)
    assert (found.row, found.blood.grade) == ("R6", "B1")
