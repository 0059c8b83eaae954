"""The six seed patients (policy 10.2), before and with the order, and their variants (policy 10.3)."""

import base64
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from emhwatch.assess.evaluate import evaluate
from emhwatch.cds.cards import build
from emhwatch.demo.patients import DemoPatient, demo_patients, with_subject
from emhwatch.model.assessment import Assessment
from emhwatch.tables.load import load_tables
from emhwatch.types import Resource

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
PATIENTS = {patient.name.partition("-")[0]: patient for patient in demo_patients(NOW)}


def resources(patient: DemoPatient, *, chart: Sequence[Resource] | None = None) -> list[Resource]:
    rest = [*(patient.chart if chart is None else chart), *patient.reports]
    filed = [with_subject(deepcopy(r), "Patient/p") | {"id": f"r{number}"} for number, r in enumerate(rest)]
    return [patient.patient | {"id": "p"}, *filed]


def reworded(found: list[Resource], change: Callable[[str], str]) -> list[Resource]:
    """The same with other report words."""
    for resource in found:
        for form in resource.get("presentedForm", []):
            text = change(base64.b64decode(form["data"]).decode())
            form["data"] = base64.b64encode(text.encode()).decode()
    return found


def judged(found: list[Resource], patient: DemoPatient, *, order: bool = False) -> Assessment:
    focus = next(r for r in reversed(found) if r["resourceType"] == "DiagnosticReport")
    drafts = [with_subject(patient.order, "Patient/p") | {"id": "o"}] if order else []
    return evaluate(
        found,
        focus=f"DiagnosticReport/{focus['id']}",
        patient="Patient/p",
        now=NOW,
        tables=load_tables(),
        draft_orders=drafts,
        hook="order-sign" if order else None,
    )


def outcome(assessment: Assessment) -> tuple[str, str, str, str | None]:
    assert assessment.error is None
    return assessment.row, str(assessment.indicator), str(assessment.tier), assessment.card


@pytest.mark.parametrize("order", [False, True], ids=["before", "with-order"])
@pytest.mark.parametrize("name", [n for n in PATIENTS if n <= "6"])
def test_seed_patients(name: str, order: bool) -> None:
    patient = PATIENTS[name]
    found = judged(resources(patient), patient, order=order)
    expected = patient.expected
    assert outcome(found) == (expected.row, "warning", expected.tier, expected.card)
    assert found.hold_offered is (order and expected.hold)


POINTS = {"1": (9, 1), "2": (5, 0), "3": (14, 0), "4": (7, 0), "5": (3, 0)}


@pytest.mark.parametrize("name", POINTS)
def test_seed_patients_have_the_points_of_the_policy(name: str) -> None:
    patient = PATIENTS[name]
    lead = judged(resources(patient), patient).masses[0]
    assert (lead.supporting, lead.opposing) == POINTS[name]


def test_a_retroperitoneal_mass_counts_when_it_reaches_the_spine() -> None:
    patient = PATIENTS["6"]
    found = judged(resources(patient), patient)
    assert found.masses[0].site_class == "A1"
    assert {"aortic_encasement", "site_thoracic_paravertebral"} <= {f.key for f in found.facts}


@pytest.mark.parametrize("order", [False, True])
def test_an_anemia_of_chronic_disease_is_information(order: bool) -> None:
    patient = PATIENTS["6"]
    chart = deepcopy(list(patient.chart))
    chart[0]["code"] = {"text": "Anemia of chronic disease"}

    def change(text: str) -> str:
        text = text.replace("Chronic anaemia of unclear aetiology. ", "")
        return text.replace("Given the chronic anaemia, e", "E")

    found = reworded(resources(patient, chart=chart), change)
    assessment = judged(found, patient, order=order)
    assert outcome(assessment) == ("R7", "info", "limited", "I-4")
    assert not assessment.hold_offered


def test_h07_a_haemothorax_is_critical() -> None:
    patient = PATIENTS["5"]
    found = reworded(resources(patient), lambda text: text.replace("Bilateral pleural effusion.", "Left haemothorax."))
    assert outcome(judged(found, patient)) == ("R1", "critical", "moderate", "K-1")


def test_h06_canal_extension_with_paraparesis_is_critical_and_offers_no_hold() -> None:
    patient = PATIENTS["2"]
    found = reworded(
        resources(patient),
        lambda text: text.replace(
            "No bone lysis and no extension into the spinal canal is seen.",
            "No bone lysis. Extension into the spinal canal. The patient has paraparesis.",
        ),
    )
    assessment = judged(found, patient, order=True)
    assert outcome(assessment) == ("R1", "critical", "strong", "K-1")
    assert not assessment.hold_offered
    (card,) = build(assessment, load_tables(), hook="order-sign")
    assert "hold" not in str(card.get("suggestions", "")).lower()


def test_one_marrow_sign_without_the_disease_is_a_suspicion() -> None:
    patient = PATIENTS["4"]
    found = reworded(resources(patient, chart=[]), lambda text: text.replace("Known beta thalassaemia, s", "S"))
    assert outcome(judged(found, patient)) == ("R8", "info", "not-assessable", "I-5")


def test_h15_a_normal_value_after_transfusion_changes_nothing() -> None:
    patient = PATIENTS["3"]
    hb = deepcopy(patient.chart[1]) | {"effectiveDateTime": (NOW - timedelta(days=1)).isoformat()}
    hb["valueQuantity"] = hb["valueQuantity"] | {"value": 13.8}
    transfusion = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"text": "Red blood cell transfusion"},
        "performedDateTime": (NOW - timedelta(days=4)).isoformat(),
    }
    found = resources(patient, chart=[*patient.chart, hb, transfusion])
    assert outcome(judged(found, patient)) == ("R6", "warning", "strong", "W-1")


def test_h11_before_the_history_was_taken() -> None:
    patient = PATIENTS["3"]
    without = resources(patient, chart=patient.chart[1:])
    found = reworded(without, lambda text: text.replace(" Multiple previous blood transfusions.", ""))
    assert outcome(judged(found, patient)) == ("R6", "warning", "moderate", "W-2")
    ordered = judged(found, patient, order=True)
    assert outcome(ordered) == ("R6", "warning", "moderate", "W-2")
    assert ordered.hold_offered  # the order names the paraspinal mass, not the presacral one


def test_h03_a_denied_mass_is_silent() -> None:
    patient = PATIENTS["3"]

    def deny(text: str) -> str:
        return "HISTORY\nGouty arthritis.\n\nFINDINGS\nNo paraspinal, paracostal or presacral mass. Large spleen."

    assert outcome(judged(reworded(resources(patient), deny), patient)) == ("R3", "none", "not-applicable", None)
