"""Diseases, drugs, orders, procedures, episodes, pregnancies and coded findings with their statuses and dates."""

from typing import Any

import pytest

from emhwatch.chart.model import Disorder
from emhwatch.types import Resource, Side, Value
from tests.support.records import (
    ICD10,
    LOINC,
    SNOMED,
    UCUM,
    ago,
    chart,
    code,
    condition,
    drug,
    gaps,
    observation,
    order,
    patient,
    procedure,
    report,
)

ATC, RXNORM, ICD10CM = (
    "http://www.whocc.no/atc",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/sid/icd-10-cm",
)
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
GM, MARK = (
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit",
)


def disorder(**more: Any) -> Disorder | None:
    found = chart(patient(), condition(code(ICD10, "D56.1"), **more)).disorders
    return found[0] if found else None


def span(days: Any) -> tuple[str, str] | None:
    return days and (days.first.isoformat(), days.last.isoformat())


@pytest.mark.parametrize(
    ("more", "clinical", "verification"),
    [
        ({}, "active", "confirmed"),
        ({"clinicalStatus": None, "verificationStatus": None}, None, None),
        ({"clinicalStatus": code(CLINICAL, "remission")}, "remission", "confirmed"),
        ({"clinicalStatus": code("http://hl7.org/fhir/condition-clinical", "resolved")}, "resolved", "confirmed"),
        ({"clinicalStatus": "inactive"}, "inactive", "confirmed"),
        ({"clinicalStatus": {"text": "Active"}}, "active", "confirmed"),
        ({"clinicalStatus": {"coding": [{"code": "x"}, {"code": "relapse"}]}}, "relapse", "confirmed"),
        ({"clinicalStatus": code(CLINICAL, "asd")}, None, "confirmed"),
        ({"verificationStatus": code(VERIFICATION, "refuted")}, "active", "refuted"),
        ({"verificationStatus": code(VERIFICATION, "provisional")}, "active", "provisional"),
        ({"verificationStatus": "differential"}, "active", "differential"),
        ({"verificationStatus": "unknown"}, "active", "unconfirmed"),
        ({"clinicalStatus": None, "abatementDateTime": ago(10)}, "resolved", "confirmed"),
        ({"clinicalStatus": None, "abatementString": "after transplant"}, "resolved", "confirmed"),
        ({"clinicalStatus": None, "abatementBoolean": True}, "resolved", "confirmed"),
    ],
)
def test_statuses_of_a_disease(more: Resource, clinical: str | None, verification: str | None) -> None:
    found = disorder(**more)
    assert found is not None
    assert (found.clinical, found.verification, found.keys()) == (clinical, verification, ("dx_thalassaemia",))


def test_entered_in_error_is_gone_and_an_unknown_status_is_named() -> None:
    assert disorder(verificationStatus=code(VERIFICATION, "entered-in-error")) is None
    assert "status" in gaps(chart(patient(), condition(code(ICD10, "D56.1"), clinicalStatus=code(CLINICAL, "asd"))))


@pytest.mark.parametrize(
    ("mark", "clinical", "verification"),
    [
        ("A", "active", "refuted"),
        ("V", "active", "provisional"),
        ("Z", "resolved", "confirmed"),
        ("G", "active", "confirmed"),
    ],
)
def test_certainty_marks_of_icd_10_gm(mark: str, clinical: str, verification: str) -> None:
    marked = {"url": MARK, "valueCoding": {"code": mark}}
    what = {"coding": [{"system": GM, "code": "D56.1", "extension": [marked]}]}
    (found,) = chart(patient(), condition(what)).disorders
    assert (found.clinical, found.verification, found.keys()) == (clinical, verification, ("dx_thalassaemia",))


@pytest.mark.parametrize(
    ("more", "onset"),
    [
        ({"onsetDateTime": "2019"}, ("2019-01-01", "2019-12-31")),
        ({"onsetDateTime": "2019-05"}, ("2019-05-01", "2019-05-31")),
        ({"onsetDateTime": "2019-05-04"}, ("2019-05-04", "2019-05-04")),
        ({"onsetDateTime": "2019-05-04T23:30:00-02:00"}, ("2019-05-05", "2019-05-05")),
        ({"onsetPeriod": {"start": "2018", "end": "2019"}}, ("2018-01-01", "2018-12-31")),
        ({"onsetAge": {"value": 2, "unit": "years", "system": UCUM, "code": "a"}}, ("1987-06-01", "1988-05-31")),
        ({"onsetAge": {"value": 3, "code": "mo"}}, ("1985-09-01", "1985-09-30")),
        ({"onsetAge": {"value": 2, "code": "wk"}}, ("1985-06-15", "1985-06-21")),
        ({"onsetAge": {"value": 2, "unit": "moons"}}, None),
        (
            {"onsetRange": {"low": {"value": 2, "code": "a"}, "high": {"value": 4, "code": "a"}}},
            ("1987-06-01", "1990-05-31"),
        ),
        ({"onsetString": "in childhood"}, None),
        ({"onsetString": "2019-05"}, ("2019-05-01", "2019-05-31")),
    ],
)
def test_onset_in_every_form(more: Resource, onset: tuple[str, str] | None) -> None:
    found = disorder(**more)
    assert found is not None
    assert span(found.onset) == onset
    assert span(found.recorded) == (ago(400), ago(400))
    assert span(found.days) == (onset or (ago(400), ago(400)))


def test_onset_by_age_needs_the_birth_date() -> None:
    alone = condition(code(ICD10, "D56.1"), onsetAge={"value": 2, "code": "a"})
    assert chart(patient(birthDate=None), alone).disorders[0].onset is None
    assert span(chart(patient(birthDate="1985"), alone).disorders[0].onset) == ("1987-01-01", "1988-12-30")


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ({"abatementDateTime": ago(30)}, (ago(30), ago(30))),
        ({"abatementPeriod": {"start": ago(40), "end": ago(30)}}, (ago(30), ago(30))),
        ({"abatementAge": {"value": 30, "code": "a"}}, ("2015-06-01", "2016-05-31")),
        ({"abatementDateTime": "2030"}, None),
    ],
)
def test_abatement_in_every_form(more: Resource, end: tuple[str, str] | None) -> None:
    found = disorder(**more)
    assert found is not None
    assert span(found.abatement) == end


def test_h02_disease_of_the_future_is_not_there() -> None:
    assert disorder(onsetDateTime="2027") is None
    assert disorder(recordedDate="2026-03-16") is None


def test_h12_carrier_and_disease_are_different_codes() -> None:
    trait, both = (
        condition(code(ICD10, "D56.3")),
        {"coding": [{"system": ICD10, "code": "D56.3"}, {"system": SNOMED, "code": "40108008"}]},
    )
    assert chart(patient(), trait).disorders[0].keys() == ("dx_haemoglobinopathy_carrier",)
    assert set(chart(patient(), condition(both)).disorders[0].keys()) == {
        "dx_haemoglobinopathy_carrier",
        "dx_thalassaemia",
    }


@pytest.mark.parametrize(
    "kind", ["MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"]
)
@pytest.mark.parametrize(
    ("what", "classes", "named"),
    [
        ({"text": "Deferasirox 360 mg Filmtabletten"}, ("iron-chelator",), ("iron_chelator_use",)),
        (code(ATC, "V03AC03"), ("iron-chelator",), ("iron_chelator_use",)),
        (code(ATC, "B03XA06"), ("luspatercept",), ("luspatercept_use",)),
        ({"text": "luspatercept 50 mg"}, ("luspatercept",), ("luspatercept_use",)),
        (code(ATC, "B01AA03"), ("anticoagulant",), ()),
        (code(ATC, "B01AF02"), ("anticoagulant",), ()),
        ({"text": "Apixaban 5 mg tablet"}, ("anticoagulant",), ()),
        (code(ATC, "B01AC06"), ("antiplatelet",), ()),
        ({"text": "Aspirin 100"}, ("antiplatelet",), ()),
        (code(ATC, "L01XX05"), ("hydroxyurea",), ()),
        (code(RXNORM, "1193326"), ("jak-inhibitor",), ()),
        ({"coding": [{"system": "urn:local", "code": "1", "display": "ruxolitinib"}]}, ("jak-inhibitor",), ()),
    ],
)
def test_h32_drug_classes_in_every_kind_of_record(
    kind: str, what: Resource, classes: tuple[str, ...], named: tuple[str, ...]
) -> None:
    record = drug(kind=kind, medicationCodeableConcept=what, status="completed")
    (found,) = chart(patient(), record).drugs
    assert (found.classes, found.named) == (classes, named)


def test_h32_drug_by_reference_and_the_list_itself() -> None:
    medication = {"resourceType": "Medication", "id": "w", "code": code(ATC, "B01AA03", "warfarin")}
    record = drug(medicationCodeableConcept=None, medicationReference={"reference": "Medication/w"})
    assert chart(patient(), medication, record).drugs[0].classes == ("anticoagulant",)
    inside = record | {"medicationReference": {"reference": "#w"}, "contained": [medication]}
    assert chart(patient(), inside).drugs[0].classes == ("anticoagulant",)
    named = record | {"medicationReference": {"display": "Warfarin 5 mg"}}
    assert chart(patient(), named).drugs[0].classes == ("anticoagulant",)
    missing = chart(patient(), record)
    assert (missing.drugs, missing.drug_list) == ((), True)
    assert "reference-missing" in gaps(missing)
    assert not chart(patient()).drug_list


@pytest.mark.parametrize(
    ("kind", "status", "counts", "active"),
    [
        ("MedicationRequest", "active", True, True),
        ("MedicationRequest", "on-hold", True, False),
        ("MedicationRequest", "completed", True, False),
        ("MedicationRequest", "stopped", True, False),
        ("MedicationRequest", "cancelled", False, False),
        ("MedicationRequest", "entered-in-error", False, False),
        ("MedicationRequest", "draft", False, False),
        ("MedicationRequest", "unknown", False, False),
        ("MedicationStatement", "not-taken", False, False),
        ("MedicationStatement", "intended", False, False),
        ("MedicationStatement", "active", True, True),
        ("MedicationAdministration", "not-done", False, False),
        ("MedicationAdministration", "in-progress", True, True),
    ],
)
def test_statuses_of_drugs(kind: str, status: str, counts: bool, active: bool) -> None:
    found = chart(patient(), drug(kind=kind, status=status)).drugs
    assert [d.active for d in found] == ([active] if counts else [])


@pytest.mark.parametrize("more", [{"doNotPerform": True}, {"intent": "proposal"}, {"intent": "plan"}])
def test_drugs_that_nobody_ordered(more: Resource) -> None:
    assert chart(patient(), drug(**more)).drugs == ()


def test_time_of_drugs() -> None:
    past = {"start": ago(900), "end": ago(800)}
    (found,) = chart(patient(), drug(kind="MedicationStatement", authoredOn=None, effectivePeriod=past)).drugs
    assert (span(found.days), span(found.until), found.active) == ((ago(900),) * 2, (ago(800),) * 2, False)
    (future,) = (chart(patient(), drug(authoredOn="2027")),)
    assert future.drugs == ()


@pytest.mark.parametrize(
    ("words", "kinds", "sites", "target"),
    [
        ("CT-guided biopsy of right paraspinal mass T10", {"biopsy", "needle"}, ("paraspinal",), True),
        ("FNA posterior mediastinal mass", {"biopsy", "needle"}, ("mediastinal",), True),
        ("Core needle biopsy, retroperitoneal mass", {"biopsy", "needle"}, ("retroperitoneal",), True),
        ("VATS biopsy of pleural mass", {"biopsy", "open", "operation"}, ("pleural",), True),
        ("Biopsie scannoguidée d'une masse paravertébrale", {"biopsy"}, ("paraspinal",), True),
        ("Bone marrow biopsy, iliac crest", {"biopsy"}, ("bone-marrow",), False),
        ("Breast core biopsy left", {"biopsy", "needle"}, ("breast",), False),
        ("US guided liver biopsy", {"biopsy", "needle"}, ("liver",), False),
        ("Image-guided biopsy", {"biopsy", "needle"}, (), None),
    ],
)
def test_orders_by_words(words: str, kinds: set[str], sites: tuple[str, ...], target: bool | None) -> None:
    (found,) = chart(patient(), order(words)).orders
    assert kinds <= set(found.kinds)
    assert "operation" in kinds or "operation" not in found.kinds
    assert (found.sites, found.target) == (sites, target)


@pytest.mark.parametrize(
    ("what", "more", "target"),
    [
        (code(LOINC, "35906-7"), {}, True),
        (code(LOINC, "37213-6"), {}, True),
        (code(SNOMED, "277591006"), {}, None),
        (code(SNOMED, "277591006"), {"bodySite": [code("http://radlex.org", "RID6307")]}, True),
        (code(SNOMED, "277591006"), {"bodySite": [{"text": "thyroid"}]}, False),
        (code(SNOMED, "277591006"), {"reasonCode": [{"text": "left paravertebral mass"}]}, True),
        (code(SNOMED, "277591006"), {"note": [{"text": "mass in the posterior mediastinum"}]}, True),
        ({"text": "Breast biopsy"}, {"reasonCode": [{"text": "known paraspinal mass"}]}, False),
    ],
)
def test_orders_by_code_site_and_reason(what: Resource, more: Resource, target: bool | None) -> None:
    (found,) = chart(patient(), order(code=what, **more)).orders
    assert "biopsy" in found.kinds
    assert found.target is target


def test_side_and_levels_of_an_order() -> None:
    (found,) = chart(patient(), order("Biopsy of left paraspinal mass T11-L1")).orders
    assert (found.side, found.levels) == (Side.LEFT, ("T11", "T12", "L1"))
    (found,) = chart(patient(), order("Biopsy D9 paraspinal", bodySite=[{"text": "right"}])).orders
    assert (found.side, found.levels) == (Side.RIGHT, ("T9",))


def test_h22_drafts_of_the_hook_and_stored_orders() -> None:
    stored = order(id="draft-1", status="draft")
    both = chart(patient(), stored, drafts=(order(id="draft-1", status="drft", priority="stat"),), hook="p1").orders
    assert [(o.draft, o.reference, o.priority) for o in both] == [(True, "ServiceRequest/draft-1", "stat")]
    assert [o.draft for o in chart(patient(), stored).orders] == [False]
    for status in ("entered-in-error", "unknown"):
        assert chart(patient(), order(status=status)).orders == ()
    for status in ("active", "on-hold", "revoked", "completed"):
        assert [o.status for o in chart(patient(), order(status=status)).orders] == [status]
    (found,) = chart(patient(), order(doNotPerform=True, intent="proposal")).orders
    assert (found.do_not_perform, found.intent) == (True, "proposal")
    assert chart(patient(), order(authoredOn="2027")).orders == ()


def test_standing_transfusion_order() -> None:
    repeat = {"occurrenceTiming": {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}}}
    (found,) = chart(patient(), order("Transfusion of red cells") | repeat).orders
    assert (found.kinds, found.standing) == (("transfusion",), True)


@pytest.mark.parametrize(
    ("what", "counts"),
    [
        (code(SNOMED, "116863004"), True),
        (code(SNOMED, "5447007"), True),
        (code(SNOMED, "116859006", "Transfusion of blood product"), True),
        ({"text": "Red cell transfusion, 2 units"}, True),
        ({"text": "PRBC transfusion"}, True),
        ({"coding": [{"system": SNOMED, "code": "5447007"}], "text": "Platelet transfusion"}, False),
        ({"text": "Transfusion of fresh frozen plasma"}, False),
    ],
)
def test_transfusions(what: Resource, counts: bool) -> None:
    assert len(chart(patient(), procedure(what)).transfusions) == counts


def test_transfusion_as_administration() -> None:
    given = drug(
        "packed red cells",
        kind="MedicationAdministration",
        status="completed",
        authoredOn=None,
        effectiveDateTime=ago(9),
    )
    (found,) = chart(patient(), given).transfusions
    assert span(found.days) == (ago(9), ago(9))


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("completed", True),
        ("in-progress", True),
        ("not-done", False),
        ("preparation", False),
        ("unknown", False),
        ("entered-in-error", False),
    ],
)
def test_statuses_of_procedures(status: str, counts: bool) -> None:
    assert len(chart(patient(), procedure({"text": "Splenectomy"}, status=status)).procedures) == counts


@pytest.mark.parametrize(
    ("more", "days"),
    [
        ({"performedDateTime": "2020"}, ("2020-01-01", "2020-12-31")),
        ({"performedDateTime": None, "performedPeriod": {"start": ago(9), "end": ago(7)}}, (ago(9), ago(9))),
        ({"performedDateTime": None, "performedAge": {"value": 6, "code": "a"}}, ("1991-06-01", "1992-05-31")),
        ({"performedDateTime": None, "performedString": "as a child"}, None),
    ],
)
def test_time_of_procedures(more: Resource, days: tuple[str, str] | None) -> None:
    (found,) = chart(patient(), procedure({"text": "Splenectomy"}) | more).procedures
    assert span(found.days) == days


def test_h16_acute_episodes() -> None:
    records = (
        condition(code(ICD10, "D62"), ident="a", onsetDateTime=ago(10)),
        condition({"text": "Acute GI bleed"}, ident="b", onsetDateTime=ago(5), abatementDateTime=ago(2)),
        condition(code(ICD10CM, "S72.001A"), ident="c", onsetDateTime=ago(50)),
        condition({"text": "Bleeding disorder"}, ident="d", onsetDateTime=ago(50)),
        condition(code(ICD10, "D62"), ident="e", verificationStatus="refuted"),
        procedure({"text": "Total hip replacement"}, ident="x", days=30),
        procedure({"text": "Core needle biopsy of liver"}, ident="y", days=30),
        procedure({"text": "Open biopsy, thoracotomy"}, ident="z", days=20),
    )
    found = {str(e.reference): (e.kind, span(e.days), span(e.until)) for e in chart(patient(), *records).episodes}
    assert found == {
        "Condition/a": ("bleeding", (ago(10),) * 2, None),
        "Condition/b": ("bleeding", (ago(5),) * 2, (ago(2),) * 2),
        "Condition/c": ("injury", (ago(50),) * 2, None),
        "Procedure/x": ("operation", (ago(30),) * 2, None),
        "Procedure/z": ("operation", (ago(20),) * 2, None),
    }


def test_h25_pregnancies() -> None:
    def spans(*records: Resource) -> list[tuple[str, str, str | None]]:
        found = chart(patient(gender="female"), *records).pregnancies
        return [(p.first.isoformat(), p.last.isoformat(), p.began and p.began.isoformat()) for p in found]  # type: ignore[misc]

    age = observation(code(LOINC, "18185-9"), valueQuantity={"value": 24, "unit": "wk", "code": "wk"}, days=0)
    assert spans(age) == [(ago(168), ago(168 - 300), ago(168))]
    assert spans(observation(code(LOINC, "11778-8"), valueDateTime=ago(-112))) == [(ago(168), ago(-132), ago(168))]
    assert spans(observation(code(LOINC, "8665-2"), valueDateTime=ago(168))) == [(ago(168), ago(-132), ago(168))]
    assert spans(condition(code(ICD10CM, "Z3A.24"), recordedDate=ago(0))) == [(ago(168), ago(-132), ago(168))]
    stated = observation(code(LOINC, "82810-3"), ident="s", valueCodeableConcept=code(SNOMED, "77386006"), days=40)
    assert spans(stated) == [(ago(40), ago(-260), None)]
    assert spans(stated, age) == [(ago(168), ago(-132), ago(168))]
    over = observation(code(LOINC, "82810-3"), ident="n", valueCodeableConcept=code(SNOMED, "60001007"), days=10)
    assert spans(stated, over) == [(ago(40), ago(10), None)]
    assert spans(over) == []
    assert spans(stated | {"status": "entered-in-error"}) == []
    assert spans(condition(code(SNOMED, "77386006"), recordedDate=ago(30))) == [(ago(30), ago(-270), None)]
    assert spans(condition({"text": "Pregnancy"}, recordedDate=ago(30), abatementDateTime=ago(5))) == [
        (ago(30), ago(5), None)
    ]


MASS = code("http://human-phenotype-ontology.org", "HP:6000660", "Paravertebral mass")


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ({}, Value.PRESENT),
        ({"valueBoolean": True}, Value.PRESENT),
        ({"valueBoolean": False}, Value.ABSENT),
        ({"valueCodeableConcept": code(SNOMED, "52101004")}, Value.PRESENT),
        ({"valueCodeableConcept": code(SNOMED, "2667000")}, Value.ABSENT),
        ({"valueCodeableConcept": code(SNOMED, "415684004")}, Value.POSSIBLE),
        ({"valueCodeableConcept": {"text": "not present"}}, Value.ABSENT),
        ({"valueString": "positive"}, Value.PRESENT),
        ({"valueString": "Negative"}, Value.ABSENT),
        (
            {"interpretation": [code("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "NEG")]},
            Value.ABSENT,
        ),
    ],
)
def test_coded_findings_with_their_answer(more: Resource, value: Value) -> None:
    (found,) = chart(patient(), observation(MASS, **more)).findings
    assert (found.keys(), found.value) == (("paraspinal_mass",), value)


def test_coded_findings_as_answer_component_and_without_value() -> None:
    asked = observation({"text": "Finding"}, valueCodeableConcept=MASS)
    assert chart(patient(), asked).findings[0].keys() == ("paraspinal_mass",)
    part = observation({"text": "CT findings"}, component=[{"code": MASS, "valueBoolean": True}])
    assert chart(patient(), part).findings[0].value is Value.PRESENT
    absent = observation(MASS, dataAbsentReason=code("x", "unknown"))
    assert chart(patient(), absent).findings == ()
    assert chart(patient(), observation(MASS, status="entered-in-error")).findings == ()
    inside = observation(MASS, ident="z")
    del inside["subject"]
    assert chart(patient(), report("x", contained=[inside])).findings[0].reference == "DiagnosticReport/r1#z"


def test_finding_without_a_place_takes_the_site_beside_it() -> None:
    mass = code(SNOMED, "444905003", "Mass of soft tissue")
    sited = chart(patient(), observation(mass, bodySite=code("http://radlex.org", "RID6307"))).findings
    plain = chart(patient(), observation(mass)).findings
    assert [f.keys() for f in sited + plain] == [("paraspinal_mass",), ()]
