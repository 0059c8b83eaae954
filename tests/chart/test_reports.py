"""Which report counts (policy 3.4), what it is about, its modality and study."""

from typing import Any

import pytest

from emhwatch.chart.model import Report, ReportKind
from emhwatch.types import Resource
from tests.support.records import LOINC, ME, SNOMED, ago, chart, code, gaps, patient, report

V2 = "http://terminology.hl7.org/CodeSystem/v2-0074"
ACCESSION = {"type": code("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN"), "system": "urn:acc", "value": "A1"}


def reports(*resources: Resource, **more: Any) -> dict[str, Report]:
    found = chart(patient(), *resources, **more).reports
    return {str(r.reference).removeprefix("DiagnosticReport/"): r for r in found}


def study(ident: str = "i1", modality: str | None = "CT", **more: Any) -> Resource:
    found: Resource = {
        "resourceType": "ImagingStudy",
        "id": ident,
        "status": "available",
        "subject": ME,
        "started": ago(1),
    }
    if modality:
        found["series"] = [
            {"uid": "1.2.3", "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": modality}}
        ]
    return found | more


@pytest.mark.parametrize(
    ("status", "usable", "withdrawn"),
    [
        ("final", True, False),
        ("amended", True, False),
        ("corrected", True, False),
        ("appended", True, False),
        ("preliminary", True, False),
        ("partial", True, False),
        ("registered", False, False),
        ("unknown", False, False),
        ("cancelled", False, True),
        ("entered-in-error", False, True),
        ("asd", False, False),
        (None, False, False),
    ],
)
def test_h17_statuses(status: str | None, usable: bool, withdrawn: bool) -> None:
    found = reports(report("x", status=status), focus="DiagnosticReport/r1")["r1"]
    assert (found.usable, found.withdrawn) == (usable, withdrawn)
    assert usable or found.reason == "not-usable-status"
    assert usable or found.reading is None


@pytest.mark.parametrize(
    "shared",
    [
        {"identifier": [ACCESSION]},
        {"imagingStudy": [{"reference": "ImagingStudy/i1"}]},
        {"basedOn": [{"reference": "ServiceRequest/s9"}]},
        {"effectiveDateTime": f"{ago(1)}T08:00:00Z"},
    ],
)
def test_h17_final_replaces_preliminary_of_one_study(shared: Resource) -> None:
    early = report("mass", ident="early", status="preliminary", effectiveDateTime=ago(2)) | shared
    final = report("no mass", ident="final", effectiveDateTime=ago(1)) | shared
    found = reports(study(), early, final)
    assert (found["early"].usable, found["early"].reason) == (False, "replaced")
    assert found["final"].usable
    assert found["early"].study == found["final"].study


def test_preliminary_of_another_study_stays() -> None:
    shared = {"basedOn": [{"reference": "ServiceRequest/s9"}]}
    one = report("x", ident="one", status="preliminary", identifier=[ACCESSION]) | shared
    two = report("y", ident="two", identifier=[ACCESSION | {"value": "A2"}]) | shared
    found = reports(one, two)
    assert found["one"].usable
    assert found["one"].study != found["two"].study


def test_preliminary_stays_beside_a_withdrawn_final() -> None:
    early = report("x", ident="early", status="preliminary", identifier=[ACCESSION])
    final = report("x", ident="final", status="entered-in-error", identifier=[ACCESSION])
    assert reports(early, final)["early"].usable


def test_h17_corrected_report_replaces_the_earlier_one_of_its_study() -> None:
    first = report("x", ident="first", identifier=[ACCESSION], issued=f"{ago(3)}T08:00:00Z")
    second = report("y", ident="second", status="corrected", identifier=[ACCESSION], issued=f"{ago(2)}T08:00:00Z")
    found = reports(first, second)
    assert (found["first"].usable, found["first"].reason, found["second"].usable) == (False, "replaced", True)
    appended = second | {"status": "appended"}
    assert reports(first, appended)["first"].usable


@pytest.mark.parametrize(
    ("sign", "kind"),
    [
        ({"category": [code(V2, "RAD")]}, ReportKind.IMAGING),
        ({"category": [code("http://hl7.org/fhir/v2/0074", "RAD")]}, ReportKind.IMAGING),
        ({"category": [code("http://hl7.org/fhir/ValueSet/diagnostic-service-sections", "RAD")]}, ReportKind.IMAGING),
        ({"category": [code("$v2-0074", "RAD")]}, ReportKind.IMAGING),
        ({"category": [code(V2, "IMG")]}, ReportKind.IMAGING),
        ({"category": [code(V2, "CUS")]}, ReportKind.IMAGING),
        ({"category": code(V2, "RAD")}, ReportKind.IMAGING),
        ({"category": [{"system": V2, "code": "RAD"}]}, ReportKind.IMAGING),
        ({"category": [code(LOINC, "LP29684-5")]}, ReportKind.IMAGING),
        ({"category": [code(LOINC, "18726-0")]}, ReportKind.IMAGING),
        ({"category": [code(SNOMED, "394914008")]}, ReportKind.IMAGING),
        ({"category": [code(SNOMED, "4201000179104")]}, ReportKind.IMAGING),
        ({"category": [code(SNOMED, "363679005")]}, ReportKind.IMAGING),
        ({"category": [code(SNOMED, "16310003")]}, ReportKind.IMAGING),
        ({"category": [code(SNOMED, "LP29708-2")]}, ReportKind.IMAGING),
        (
            {"category": [code("http://terminology.hl7.org/CodeSystem/observation-category", "imaging")]},
            ReportKind.IMAGING,
        ),
        ({"category": [{"text": "Radiology"}]}, ReportKind.IMAGING),
        ({"category": ["Radiology"]}, ReportKind.IMAGING),
        ({"code": code(LOINC, "24627-2")}, ReportKind.IMAGING),
        ({"code": {"text": "MRI thoracic spine"}}, ReportKind.IMAGING),
        ({"code": {"text": "Scanner thoracique"}}, ReportKind.IMAGING),
        ({"imagingStudy": [{"reference": "ImagingStudy/i1"}]}, ReportKind.IMAGING),
        ({"category": [code(V2, "RAD")], "code": {"text": "Bone marrow biopsy"}}, ReportKind.PATHOLOGY),
        ({"category": [code(V2, "RAD")], "code": {"text": "12-lead electrocardiogram"}}, ReportKind.OTHER),
        ({"category": [code(V2, "PAT")], "code": {"text": "CT-guided needle biopsy"}}, ReportKind.PATHOLOGY),
        ({"code": code(LOINC, "60568-3")}, ReportKind.PATHOLOGY),
        ({"code": {"text": "Surgical pathology"}}, ReportKind.PATHOLOGY),
        ({"category": [code(V2, "LAB")], "code": {"text": "Lipid panel"}}, ReportKind.LABORATORY),
        ({"code": code(LOINC, "58410-2")}, ReportKind.LABORATORY),
        ({"code": {"text": "Report"}}, ReportKind.IMAGING),
        ({"code": {"text": "Report"}, "presentedForm": None}, ReportKind.OTHER),
    ],
)
def test_kinds_of_reports(sign: Resource, kind: ReportKind) -> None:
    bare = report("x", category=None, code=None) | sign
    assert reports(bare, study(modality=None))["r1"].kind is kind


@pytest.mark.parametrize(
    ("sign", "modality"),
    [
        ({"code": code(LOINC, "24627-2")}, "CT"),
        ({"code": code(LOINC, "24980-5")}, "MR"),
        ({"code": {"text": "CT Thorax mit KM"}}, "CT"),
        ({"code": {"text": "Chest CT w/o contrast"}}, "CT"),
        ({"code": {"text": "TDM thoracique"}}, "CT"),
        ({"code": {"text": "IRM rachidienne"}}, "MR"),
        ({"code": {"text": "MRI T-spine"}}, "MR"),
        ({"code": {"text": "Chest X-ray PA and lateral"}}, "CR"),
        ({"code": {"text": "CXR"}}, "CR"),
        ({"code": {"text": "Radiographie du thorax"}}, "CR"),
        ({"code": {"text": "Abdominal ultrasound"}}, "US"),
        ({"code": {"text": "Échographie abdominale"}}, "US"),
        ({"code": {"text": "Bone marrow scintigraphy"}}, "NM"),
        ({"code": {"text": "FDG PET/CT"}}, "PT"),
        ({"code": {"text": "Imaging study"}, "category": [code(V2, "NMR")]}, "MR"),
        ({"code": {"text": "Imaging study"}, "category": [code(V2, "CT")]}, "CT"),
        ({"code": {"text": "Contact report"}}, None),
        ({"code": {"text": "Imaging study"}}, None),
    ],
)
def test_modality(sign: Resource, modality: str | None) -> None:
    assert reports(report(None) | sign)["r1"].modality == modality


@pytest.mark.parametrize(
    "link", ["ImagingStudy/i1", "https://ehr.example/fhir/ImagingStudy/i1", "ImagingStudy/i1/_history/1"]
)
def test_modality_and_kind_from_the_study(link: str) -> None:
    bare = report("x", code={"text": "Report"}, category=None, imagingStudy=[{"reference": link}])
    found = reports(bare, study(modality="MR"))["r1"]
    assert (found.kind, found.modality, found.studies) == (ReportKind.IMAGING, "MR", ("ImagingStudy/i1",))
    assert (
        reports(bare, study(modality=None, modality_=1) | {"modality": [{"code": "SR"}, {"code": "DX"}]})["r1"].modality
        == "DX"
    )


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ({"effectiveDateTime": ago(3), "issued": f"{ago(1)}T08:00:00Z"}, ago(3)),
        ({"effectiveDateTime": None, "issued": f"{ago(2)}T08:00:00Z"}, ago(2)),
        ({"effectiveDateTime": None, "issued": f"{ago(2)}T08:00:00"}, ago(2)),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": ago(4)}}, ago(4)),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": ago(5), "end": ago(4)}}, ago(5)),
    ],
)
def test_dates_of_reports(when: Resource, day: str) -> None:
    days = reports(report("x") | when)["r1"].days
    assert days is not None
    assert (days.exact, days.first.isoformat()) == (True, day)


def test_year_only_report_is_an_interval_and_a_dateless_one_is_named() -> None:
    days = reports(report("x", effectiveDateTime="2019"))["r1"].days
    assert days is not None
    assert (days.first.isoformat(), days.last.isoformat()) == ("2019-01-01", "2019-12-31")
    found = chart(patient(), report("x", effectiveDateTime=None, issued=None))
    assert found.reports[0].days is None
    assert "no-date" in gaps(found)


def test_h02_report_of_the_future_is_not_there() -> None:
    found = chart(patient(), report("x", days=-3), report("y", ident="r2"))
    assert [r.reference for r in found.reports] == ["DiagnosticReport/r2"]
    assert "future" in gaps(found)


def test_newest_first_and_focus() -> None:
    found = chart(patient(), report("x", days=30), report("y", ident="r2", days=3), focus="DiagnosticReport/r1")
    assert [r.reference for r in found.reports] == ["DiagnosticReport/r2", "DiagnosticReport/r1"]
    assert found.focus_report is not None
    assert found.focus_report.reference == "DiagnosticReport/r1"


def test_h05_pathology_carries_its_specimen() -> None:
    specimen = {
        "resourceType": "Specimen",
        "id": "sp",
        "type": {"text": "core biopsy"},
        "collection": {"collectedDateTime": ago(20), "bodySite": {"text": "right paravertebral mass"}},
    }
    found = reports(specimen, report("x", code={"text": "Histology"}, specimen=[{"reference": "Specimen/sp"}]))["r1"]
    assert (found.kind, found.sites) == (ReportKind.PATHOLOGY, ("paraspinal",))
    assert found.sampled is not None
    assert found.sampled.first.isoformat() == ago(20)
    breast = report("x", code={"text": "Pathology, breast core biopsy"}, specimen=[{"display": "left breast"}])
    assert reports(breast)["r1"].sites == ("breast",)


def test_coded_conclusions_are_kept_with_all_codings() -> None:
    both = {"coding": [{"system": "urn:local", "code": "x"}, {"system": SNOMED, "code": "40108008"}]}
    found = reports(report("x", conclusionCode=[both, {"text": "nothing"}]))["r1"]
    assert [hit.keys for hit in found.conclusions] == [("dx_thalassaemia",)]


def test_documents_that_are_reports() -> None:
    def document(**more: Any) -> Resource:
        return {
            "resourceType": "DocumentReference",
            "id": "d1",
            "status": "current",
            "docStatus": "final",
            "subject": ME,
            "type": code(LOINC, "68604-8", "Radiology Diagnostic study note"),
            "date": f"{ago(2)}T09:00:00Z",
            "content": [{"attachment": report("CT chest: paraspinal mass.")["presentedForm"][0]}],
        } | more

    (found,) = chart(patient(), document()).reports
    assert (found.reference, found.kind, found.usable) == ("DocumentReference/d1", ReportKind.IMAGING, True)
    for more, use in (
        ({"status": "superseded"}, False),
        ({"docStatus": "preliminary"}, True),
        ({"docStatus": None}, True),
    ):
        assert chart(patient(), document(**more)).reports[0].usable is use
    assert chart(patient(), document(type={"text": "Discharge letter"})).reports == ()


def test_study_and_its_report_find_each_other_in_either_order() -> None:
    """A study that waits for its report, and the report that names it by reference, accession or order."""
    shared = {"basedOn": [{"reference": "ServiceRequest/s9"}]}
    for link, scan in (
        ({"imagingStudy": [{"reference": "ImagingStudy/i1"}]}, study()),
        ({"identifier": [ACCESSION]}, study(identifier=[ACCESSION])),
        (shared, study() | shared),
    ):
        found = chart(patient(), report("x") | link, scan, focus="ImagingStudy/i1")
        assert found.focus_study is not None
        assert found.focus_study.reports == ("DiagnosticReport/r1",)
    alone = chart(patient(), study(), report("x"), focus="ImagingStudy/i1")
    assert alone.focus_study is not None
    assert (alone.focus_study.reports, alone.focus_study.modality) == ((), "CT")


def test_coded_study_without_report() -> None:
    coded = study(
        reasonCode=[code("http://human-phenotype-ontology.org", "HP:6000660", "Paravertebral mass")],
        description="CT chest",
    )
    found = chart(patient(), coded, focus="ImagingStudy/i1")
    (finding,) = found.findings
    assert (finding.origin, finding.keys(), finding.report) == (
        "ImagingStudy.reasonCode",
        ("paraspinal_mass",),
        "ImagingStudy/i1",
    )
    assert chart(patient(), coded | {"status": "cancelled"}).findings == ()
    unsited = study(reasonCode=[code(SNOMED, "444905003")])
    (finding,) = chart(patient(), unsited).findings
    assert finding.keys() == ()
    placed = study(
        reasonCode=[code(SNOMED, "444905003")],
        series=[{"bodySite": {"system": "http://radlex.org", "code": "RID6307"}}],
    )
    assert ("paraspinal_mass",) in [f.keys() for f in chart(patient(), placed).findings]
