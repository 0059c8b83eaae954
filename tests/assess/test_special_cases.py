"""Cases of the policy that need more than one evaluation, several masses, a hook or another patient."""

from dataclasses import replace
from typing import Any

import pytest

from emhwatch.assess.evaluate import evaluate
from emhwatch.model.assessment import Assessment
from emhwatch.model.history import CardShown, History, Override
from emhwatch.types import Indicator, Tier
from tests.assess.bundles import (
    TABLES,
    T,
    ago,
    assess,
    bundle,
    condition,
    drug,
    hb,
    lab,
    order,
    pathology,
    person,
    procedure,
    report,
    shown,
    status,
)  # fmt: skip

NTDT = condition("191189009")
TWO = report(
    "FINDINGS: Bilateral paraspinal masses T9-T11 which contain fat.\n"
    "Separate left paraspinal mass at T4 with destruction of the adjacent pedicle."
)
FITS = report("FINDINGS: Bilateral smooth lobulated paraspinal masses T9-T11 which contain fat.")
DRAFT = order(status="draft")


def hook(*parts: Any, draft: Any = DRAFT, **more: Any) -> Assessment:
    return assess(*parts, draft_orders=[draft], hook="order-sign", **more)


def test_e31_another_patient_stops_everything() -> None:
    other = {"resourceType": "Patient", "id": "q"}
    a = assess(NTDT, FITS, other, draft_orders=[DRAFT | {"subject": {"reference": "Patient/q"}}], hook="order-sign")
    assert (a.row, a.tier, a.indicator, a.blocked, a.stopped_write) == (
        "R0", Tier.NOT_ASSESSED, Indicator.NONE, "identity", True,
    )  # fmt: skip
    assert a.facts == () and a.masses == ()


@pytest.mark.parametrize("death", [{"deceasedBoolean": True}, {"deceasedDateTime": "2025-01-01"}])
def test_y30_a_dead_patient_is_not_evaluated(death: dict[str, Any]) -> None:
    a = assess(person(**death), NTDT, FITS)
    assert (a.row, a.blocked, a.stopped_write) == ("R0", "deceased", True)


def test_e48_two_masses_are_scored_apart() -> None:
    a = assess(NTDT, TWO)
    assert (a.row, a.card, a.tier) == ("R6", "W-1", Tier.STRONG)
    assert [(m.tier, m.supporting, m.opposing, m.major) for m in a.masses] == [
        (Tier.STRONG, 5, 0, False),
        (Tier.LIMITED, 1, 4, True),
    ]


def test_h18_y36_the_card_is_built_from_the_mass_of_the_order_and_never_held() -> None:
    a = hook(NTDT, TWO, draft=order("CT-guided biopsy of the left paraspinal mass at T4", status="draft"))
    assert (a.row, a.card, a.lead, a.hold_offered) == ("R6", "W-3", 1, False)
    assert [str(m.biopsy) for m in a.masses] == ["none", "ordered"]
    assert a.masses[0].tier is Tier.STRONG


def test_h22_an_order_that_names_no_mass_is_held_only_if_every_mass_fits() -> None:
    assert hook(NTDT, FITS).hold_offered
    assert not hook(NTDT, TWO).hold_offered


def shown_card(a: Assessment, **more: Any) -> CardShown:
    lead = a.leading
    assert lead is not None and a.card is not None
    card = CardShown(
        mass_key=lead.key, row=a.row, card=a.card, tier=a.tier, indicator=a.indicator, hook="event", shown=a.t,
        order=None, report="DiagnosticReport/r1/_history/1", observation="obs-1",
    )  # fmt: skip
    return replace(card, **more)


@pytest.mark.parametrize(
    ("text", "row", "value"),
    [("FINDINGS: No paraspinal mass.", "R3", "absent"), ("FINDINGS: The lungs are clear.", "R4", "unknown")],
)
def test_h17_e49_an_amended_report_withdraws_the_card_once(text: str, row: str, value: str) -> None:
    before = assess(NTDT, report("FINDINGS: Paraspinal mass."))
    history = History(shown=(shown_card(before),))
    amended = report(text, status="amended", meta={"versionId": "2"})
    after = assess(NTDT, amended, history=history)
    assert (after.row, str(after.value), after.indicator) == (row, value, Indicator.NONE)
    assert after.withdrawal is not None
    assert (after.withdrawal.change, after.withdrawal.observation) == ("report-amended", "obs-1")
    told = replace(shown_card(before), card="I-9")
    again = assess(NTDT, amended, history=History(shown=(*history.shown, told)))
    assert again.withdrawal is None


@pytest.mark.parametrize("state", ["entered-in-error", "cancelled"])
def test_h17_a_withdrawn_report_stops_its_own_event_and_is_left_out_elsewhere(state: str) -> None:
    before = assess(NTDT, report("FINDINGS: Paraspinal mass."))
    gone = report("FINDINGS: Paraspinal mass.", status=state)
    after = assess(NTDT, gone, history=History(shown=(shown_card(before),)))
    assert (after.row, after.blocked, after.stopped_write) == ("R0", "withdrawn-report", False)
    assert after.withdrawal is not None and after.withdrawal.change == "report-withdrawn"
    other = assess(NTDT, gone, report("FINDINGS: Paraspinal mass.", ident="r2"), focus="DiagnosticReport/r2")
    assert other.row == "R6"
    assert hook(NTDT, gone).row == "R4"


def test_y16_the_final_report_replaces_the_preliminary_one() -> None:
    same = {"basedOn": [{"reference": "ServiceRequest/ct"}]}
    early = report("FINDINGS: 2 cm right paraspinal mass at T10.", 3, status="preliminary", ident="r0", **same)
    late = report("FINDINGS: No paraspinal mass.", 3, **same)
    assert assess(NTDT, early, focus="DiagnosticReport/r0").row == "R6"
    assert assess(NTDT, early, late).row == "R3"


def test_h19_the_same_card_is_shown_once_in_90_days() -> None:
    first = assess(NTDT, FITS)
    recent = shown_card(first, shown=first.t)
    assert assess(NTDT, FITS, history=History(shown=(recent,))).silenced == "dedup"
    old = replace(recent, shown=(T.date().replace(month=3, day=16)))
    assert assess(NTDT, FITS, history=History(shown=(old,))).silenced is None  # 91 days
    elsewhere = replace(recent, hook="order-select")
    assert assess(NTDT, FITS, history=History(shown=(elsewhere,))).silenced is None
    changed = replace(recent, tier=Tier.MODERATE, card="W-2")
    assert assess(NTDT, FITS, history=History(shown=(changed,))).silenced is None
    new_order = hook(NTDT, FITS, history=History(shown=(replace(recent, hook="order-sign"),)))
    assert new_order.silenced is None


def test_h06_danger_is_never_silenced() -> None:
    text = "FINDINGS: Bilateral smooth lobulated paraspinal masses T9-T11 which contain fat. The cord is compressed."
    first = assess(NTDT, report(text))
    lead = first.leading
    assert lead is not None
    history = History(
        shown=(shown_card(first),), overrides=(Override(mass_key=lead.key, tier=first.tier, at=first.t, reason=None),)
    )
    assert assess(NTDT, report(text), history=history).silenced is None


def test_an_override_silences_mass_and_tier_for_90_days_against_a_new_order() -> None:
    first = assess(NTDT, FITS)
    lead = first.leading
    assert lead is not None
    override = Override(mass_key=lead.key, tier=first.tier, at=first.t, reason="emh-considered")
    assert hook(NTDT, FITS, history=History(overrides=(override,))).silenced == "override"
    other = replace(override, tier=Tier.LIMITED)
    assert hook(NTDT, FITS, history=History(overrides=(other,))).silenced is None


def test_h21_an_error_never_looks_like_no_emh(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("whatever")

    monkeypatch.setattr("emhwatch.assess.evaluate.build_chart", broken)
    a = assess(NTDT, FITS)
    assert (a.row, a.tier, a.indicator) == ("R0", Tier.NOT_ASSESSED, Indicator.NONE)
    assert a.error == "evaluation-failed: KeyError" and a.danger == "unknown"


def test_h21_a_focus_that_is_not_there_is_an_error() -> None:
    a = assess(NTDT, FITS, focus="DiagnosticReport/elsewhere")
    assert (a.row, a.error) == ("R0", "focus-not-found")


@pytest.mark.parametrize("priority", [None, "routine", "urgent"])
def test_h22_hold_is_offered_for_orders_that_can_wait(priority: str | None) -> None:
    assert hook(NTDT, FITS, draft=order(status="draft", priority=priority)).hold_offered


@pytest.mark.parametrize(
    ("parts", "draft"),
    [
        pytest.param([NTDT, FITS], order(status="draft", priority="stat"), id="stat"),
        pytest.param([NTDT, FITS], order(status="draft", priority="asap"), id="asap"),
        pytest.param([person(None), NTDT, FITS], DRAFT, id="age unknown"),
        pytest.param([person(4), NTDT, FITS], DRAFT, id="under five"),
        pytest.param([NTDT, FITS], order("Biopsy of the breast", status="draft"), id="another site"),
        pytest.param([hb(95, 100), hb(95, 1), report("FINDINGS: Paraspinal mass.")], DRAFT, id="limited"),
    ],
)
def test_h22_hold_is_offered_in_no_other_case(parts: list[Any], draft: dict[str, Any]) -> None:
    assert not hook(*parts, draft=draft).hold_offered


def test_h05_histology_counts_only_for_this_mass() -> None:
    mass = report("FINDINGS: Left paraspinal mass at T9.", 30)
    gout = pathology("DIAGNOSIS: Gouty tophus.", 10, "left hand")
    old = pathology("Paraspinal mass, core needle biopsy: schwannoma.", 300)
    assert assess(NTDT, mass, gout).row == "R6"
    assert assess(NTDT, mass, old).row == "R6"  # taken before the mass was first seen
    for text in ("Paraspinal mass, core needle biopsy: schwannoma.", "DIAGNOSIS: Diffuse large B-cell lymphoma."):
        new = assess(NTDT, mass, pathology(text, 10))
        assert (new.row, new.tier) == ("R2", Tier.EXCLUDED)


def test_h15_a_normal_value_after_transfusion_is_no_recovery() -> None:
    mass = report("FINDINGS: Paraspinal mass.")
    given = procedure("Transfusion of red blood cells", 85)
    assert str(assess(hb(70, 100), hb(131, 80), hb(78, 0), given, mass).blood.grade) == "B2"
    assert str(assess(hb(131, 80), given, mass).blood.grade) == "unknown"


def test_h14_units_change_nothing() -> None:
    mass = report("FINDINGS: Paraspinal mass.")
    answers = {
        str(assess(lab("718-7", value, unit, 100), lab("718-7", value, unit, 2), mass).blood.grade)
        for value, unit in ((95, "g/L"), (9.5, "g/dL"), (5.9, "mmol/L"))
    }
    assert answers == {"B2"}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([drug("Deferasirox", 731)], "unknown"),
        ([drug("Deferasirox", 730)], "B2"),
        ([drug("Deferasirox", 1500, "active")], "B2"),
        ([drug("Luspatercept", 20)], "B2"),
        ([procedure("Transfusion of red blood cells", d) for d in (10, 60, 120)], "B2"),
        ([procedure("Transfusion of red blood cells", d) for d in (10, 16, 120)], "unknown"),
        ([condition("C85.90", **status("remission"), abatementDateTime=ago(1826))], "B3"),
        ([condition("C85.90", **status("remission"), abatementDateTime=ago(1827))], "unknown"),
        ([condition("C85.90", **status("remission"))], "B3"),
        ([condition("D56.1", **status("resolved"))], "B1"),
        ([condition("D46.9", **status("remission"))], "B?"),
        ([condition("N18.4", **status("resolved")), hb(95, 100), hb(95, 1)], "B2"),
        ([condition("N18.4"), hb(95, 100), hb(95, 1)], "B3"),
        ([condition("D51.0", recordedDate=ago(90))], "B2"),
        ([condition("D51.0", recordedDate=ago(89))], "B?"),
    ],
)
def test_what_a_record_is_worth(parts: list[Any], expected: str) -> None:
    assert str(assess(*parts, report("FINDINGS: Paraspinal mass.")).blood.grade) == expected


def test_partial_dates_count_only_if_every_day_does() -> None:
    mass = report("FINDINGS: Paraspinal mass.")
    assert str(assess(hb(95, 0) | {"effectiveDateTime": "2025-03"}, hb(95, 0), mass).blood.grade) == "B?"
    assert str(assess(hb(95, 0) | {"effectiveDateTime": "2025-02"}, hb(95, 0), mass).blood.grade) == "B2"


def test_an_imaging_study_without_a_report_is_evaluated() -> None:
    study = {
        "resourceType": "ImagingStudy", "id": "s1", "status": "available", "subject": {"reference": "Patient/p"},
        "started": ago(1), "reasonCode": [{"coding": [
            {"system": "http://human-phenotype-ontology.org", "code": "HP:0033829"}]}],
    }  # fmt: skip
    a = assess(NTDT, study, focus="ImagingStudy/s1")
    assert (a.row, str(a.value), a.card) == ("R11", "possible", "I-1")
    later = assess(NTDT, study, report("FINDINGS: No paraspinal mass."), focus="ImagingStudy/s1")
    assert later.row == "R3"


def test_order_and_paging_of_resources_change_nothing() -> None:
    parts = bundle(NTDT, TWO, hb(95, 100), hb(95, 1), drug("Deferasirox", 20), order())
    reference = evaluate(parts, focus="DiagnosticReport/r1", now=T, tables=TABLES)
    turned = evaluate(parts[::-1], focus="DiagnosticReport/r1", now=T, tables=TABLES)
    assert shown(turned) == shown(reference)
    assert {(f.key, f.value, f.mass) for f in turned.facts} == {(f.key, f.value, f.mass) for f in reference.facts}
    pages = [{"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in half]}
             for half in (parts[:3], parts[3:])]  # fmt: skip
    paged = evaluate(pages, focus="DiagnosticReport/r1", now=T, tables=TABLES)
    assert shown(paged) == shown(reference)
