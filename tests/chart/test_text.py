"""Text of reports and notes in the chart: read once, of this patient, with what is missing named."""

import base64
import datetime as dt

from emhwatch.types import Resource, Source
from tests.support.records import ME, NOW, ago, chart, code, condition, gaps, hb, observation, patient, report

WORDS = "FINDINGS: Right paravertebral soft-tissue mass T9-T10. IMPRESSION: Paraspinal mass. Hemoglobin 8.2 g/dL."


def form(words: str | bytes, kind: str = "text/plain") -> Resource:
    raw = words if isinstance(words, bytes) else words.encode()
    return {"contentType": kind, "data": base64.b64encode(raw).decode()}


def test_report_text_is_read_with_its_modality() -> None:
    (found,) = chart(patient(), report(WORDS)).reports
    assert found.reading is not None
    assert (found.modality, found.reason, found.reading.supported) == ("CT", None, True)
    assert [m.value.value for m in found.reading.masses] == ["present"]


def test_heading_of_the_text_gives_the_modality_when_nothing_else_does() -> None:
    (found,) = chart(patient(), report("CHEST X-RAY\n" + WORDS, code={"text": "Report"})).reports
    assert found.modality == "CR"


def test_hemoglobin_in_text_counts_with_the_date_of_the_report() -> None:
    (value,) = chart(patient(), report(WORDS, days=12)).hemoglobin
    assert (value.g_per_l, value.source, value.reference) == (82, Source.TEXT, "DiagnosticReport/r1")
    assert value.days is not None
    assert value.days.first == NOW.date() - dt.timedelta(days=12)
    assert value.start is not None
    assert chart(patient(), report(WORDS, status="entered-in-error")).hemoglobin == ()


def test_h14_hemoglobin_in_text_without_a_unit_is_named() -> None:
    found = chart(patient(), report("IMPRESSION: Paraspinal mass. Hemoglobin 8.2."))
    assert found.hemoglobin == ()


def test_report_that_cannot_be_read_is_named_and_not_silent() -> None:
    for forms, reason in (
        ([form(b"\x89PNG\r\n\x1a\n", "image/png")], True),
        ([{"url": "Binary/none"}], True),
        ([], False),
    ):
        found = chart(patient(), report(None, presentedForm=forms), focus="DiagnosticReport/r1")
        assert found.focus_report is not None
        assert (found.focus_report.reading, found.focus_report.reason) == (None, "not-readable")
        assert bool(found.focus_report.parts_missing) is reason
        assert ("attachment" in gaps(found)) is reason


def test_short_conclusion_beside_an_unreadable_part_is_not_the_whole_report() -> None:
    (found,) = chart(patient(), report(None, presentedForm=[{"url": "Binary/b"}], conclusion="Normal.")).reports
    assert found.reading is not None
    assert found.parts_missing != ()


def test_attachment_in_a_binary_of_the_bundle() -> None:
    binary = {"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": form(WORDS)["data"]}
    for url in ("Binary/b1", "https://ehr.example/fhir/Binary/b1"):
        (found,) = chart(patient(), binary, report(None, presentedForm=[{"url": url}])).reports
        assert found.reading is not None
        assert found.reading.masses


def test_h01_result_of_another_patient_is_not_read_into_the_report() -> None:
    theirs = observation({"text": "Findings"}, valueString="Left paraspinal mass at T10.")
    theirs |= {"subject": {"reference": "Patient/p2"}}
    linked = report(None, result=[{"reference": "Observation/o1"}])
    (found,) = chart(patient(), theirs, linked, hook="p1").reports
    assert found.reading is None
    (mine,) = chart(patient(), theirs | {"subject": ME}, linked, hook="p1").reports
    assert mine.reading is not None
    assert mine.reading.masses


def test_notes_are_documents_and_sentences_of_results_are_read_once() -> None:
    note = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": ME,
        "type": {"text": "Progress note"},
        "date": f"{ago(4)}T09:00:00Z",
        "content": [{"attachment": form("Progressive weakness of both legs since yesterday.")}],
    }
    said = observation({"text": "Comment"}, valueString="Chronic anemia of unclear cause.")
    found = chart(patient(), note, said)
    assert {d.kind for d in found.documents} == {"DocumentReference", "Observation"}
    assert chart(patient(), note | {"status": "entered-in-error"}).documents == ()
    inside = chart(patient(), said, report(None, result=[{"reference": "Observation/o1"}]))
    assert inside.documents == ()


def test_words_of_a_condition_are_read_when_no_code_is_known() -> None:
    (found,) = chart(patient(), condition({"text": "Beta thalassemia intermedia"})).disorders
    assert found.words is not None
    assert "dx_ntdt" in {finding.key for finding in found.words.findings}


def test_h28_gaps_hold_no_words_of_the_patient() -> None:
    found = chart(patient(), report("Secret words"), hb(1, "furlong"), condition(code("urn:x", "y", "Secret words")))
    assert "Secret" not in repr(found.gaps)


def test_a_composition_without_words_in_its_sections_is_read_by_its_narrative() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">Right paravertebral mass at T10.</div>'
    kind = {"coding": [{"system": "http://loinc.org", "code": "18748-4"}]}
    made = {"resourceType": "Composition", "id": "c1", "status": "final", "type": kind, "subject": ME, "date": ago(1)}
    whole = chart(patient(), made | {"text": {"status": "additional", "div": div}}, focus="Composition/c1")
    assert whole.focus_report and whole.focus_report.reading and len(whole.focus_report.reading.masses) == 1
    sections = [{"title": "Findings", "text": {"status": "generated", "div": "<div>No paraspinal mass.</div>"}}]
    parts = chart(patient(), made | {"text": {"div": div}, "section": sections}, focus="Composition/c1")
    assert parts.focus_report and parts.focus_report.reading and parts.focus_report.reading.masses == ()
