"""Every card says what the clinical wording says, and nothing that it forbids."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from emhwatch.cds.cards import build
from emhwatch.model.assessment import Assessment
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.types import Side, Tier
from tests.cds import card_samples as samples

CARDS = samples.every_card()

LISTED = Path(__file__).with_name("summaries.txt").read_text("utf-8").splitlines()[1:]


@pytest.fixture(scope="module")
def tables() -> TableSet:
    return load_tables()


def card_of(assessment: Assessment, tables: TableSet, **more: object) -> dict:
    (card,) = build(assessment, tables, hook="order-sign", **more)  # type: ignore[arg-type]  # named in the callers
    return card


@pytest.mark.parametrize("line", LISTED)
def test_summary_is_word_for_word(line: str, tables: TableSet) -> None:
    name, length, summary = line.split("|")
    assert card_of(CARDS[name], tables)["summary"] == summary
    assert len(summary) == int(length)


def fixed_text(card: dict, quoted: bool = False) -> str:
    """All words of a card; quotations of reports taken out."""
    detail = card["detail"] if quoted else re.sub(r'"(?!blood only)[^"]*"', "", card["detail"])
    offers = [s["label"] for s in card.get("suggestions", ())]
    offers += [a["description"] for s in card.get("suggestions", ()) for a in s["actions"]]
    offers += [r["display"] for r in card.get("overrideReasons", ())]
    return "\n".join([card["summary"], detail, *offers])


@pytest.mark.parametrize("name", CARDS)
def test_text_rules(name: str, tables: TableSet) -> None:
    """The automated checks of the clinical wording (section 8)."""
    card = card_of(CARDS[name], tables)
    words = fixed_text(card)
    low = words.lower()
    assert len(card["summary"]) < 140
    assert "%" not in words
    assert "probability" not in low
    for forbidden in ("do not biopsy", "cancel the biopsy", "postpone"):
        assert forbidden not in low
    if not name.startswith("K"):
        rest = low.replace("do not delay", "").replace("delayed bleeding", "").replace("do not put off", "")
        assert "delay" not in rest
        assert "put off" not in rest
    assert "{" not in card["detail"]
    assert "}" not in card["detail"]
    assert re.search(r"\bNone\b|\(\)|: \.|,,|\.\.", card["detail"]) is None
    if name.startswith("W"):
        assert "Against" in words or "do not fit" in words
        assert "Not described" in words
    assert card["detail"].endswith(
        "Computed from text and coded data, rule set 2026.11.0. Read by software, please check the quoted lines."
    )
    assert card["source"]["label"] == "emhwatch, rule set 2026.11.0"


@pytest.mark.parametrize("name", [n for n in CARDS if n.startswith("K")])
def test_h06_critical_card_has_no_word_that_delays(name: str, tables: TableSet) -> None:
    card = card_of(CARDS[name], tables)
    words = fixed_text(card).lower().replace("nothing in this card is a reason to wait", "")
    assert re.search(r"\b(wait|delay|hold|cancel|avoid|postpon)", words) is None
    assert all(a["type"] == "create" for s in card["suggestions"] for a in s["actions"])
    assert "now" in card["summary"]


def test_h06_no_reason_is_asked_for_on_an_emergency(tables: TableSet) -> None:
    assert "overrideReasons" not in card_of(CARDS["K-1 cord"], tables)
    assert len(card_of(CARDS["W-1"], tables)["overrideReasons"]) == 13


@pytest.mark.parametrize("name", [n for n in CARDS if not n.startswith("K")])
def test_h06_danger_line_opens_every_other_card(name: str, tables: TableSet) -> None:
    shown = replace(CARDS[name], **samples.danger(samples.CORD))
    first = card_of(shown, tables)["detail"].split("\n\n")[0]
    assert first.endswith(": follow the emergency pathway now; nothing in this card is a reason to wait.")
    assert '"the thecal sac is effaced"' in first


def test_k1_with_both_dangers_gives_both_pathways(tables: TableSet) -> None:
    detail = card_of(CARDS["K-1 both"], tables)["detail"]
    assert "spinal cord compression pathway" in detail
    assert "hemothorax pathway" in detail
    assert '"the thecal sac is effaced"' in detail.split("hemothorax pathway")[0]
    assert "This card changes no order." in detail


def test_k1_with_proven_emh_says_so(tables: TableSet) -> None:
    assert "the mass is known EMH" in card_of(CARDS["K-1 cord proven"], tables)["detail"]
    assert "is known EMH and may be bleeding" in card_of(CARDS["K-1 hemothorax proven"], tables)["detail"]


def test_h20_found_against_and_not_described_are_always_there(tables: TableSet) -> None:
    detail = card_of(CARDS["W-3"], tables)["detail"]
    assert detail.startswith(
        '**Found.** CT of 2026-11-18: "smooth paravertebral masses at T9 and T10" '
        "(thoracic paravertebral site, T9-T10, both sides)."
    )
    assert 'do not fit:** mass encases the aorta ("lifts the aorta"). Consider lymphoma' in detail
    assert "Not described: iron, calcification." in detail
    assert "likelihood" in card_of(CARDS["W-1"], tables)["summary"].lower()


def test_h09_limited_card_does_not_put_off_sampling(tables: TableSet) -> None:
    for name in ("W-3", "W-3 nothing opposes", "W-3 R11", "W-4"):
        assert "Do not put off sampling for suspected infection or cancer" in card_of(CARDS[name], tables)["detail"]
    for name in ("I-4", "I-4 carrier", "I-4 no-anemia"):
        assert "Do not delay the usual work-up" in card_of(CARDS[name], tables)["detail"]


def test_h10_rival_of_the_opposing_items_is_named(tables: TableSet) -> None:
    opposed = {**samples.OPPOSED, "items": (samples.item("disc_endplate_disease", "D", 3, "end plates eroded"),)}
    detail = card_of(samples.decided("W-3", "R6", lead=opposed), tables)["detail"]
    assert "abscess/tuberculosis" in detail


def test_h13_carrier_line_asks_for_hplc(tables: TableSet) -> None:
    assert "A carrier label may be wrong: HPLC, reticulocytes." in card_of(CARDS["I-4 carrier"], tables)["detail"]


def test_h18_every_mass_is_listed(tables: TableSet) -> None:
    other = samples.mass(1, side=Side.LEFT, levels=("L2",), tier=Tier.LIMITED, major=True, opposing=4)
    two = replace(CARDS["W-1"], masses=(*CARDS["W-1"].masses, other))
    detail = card_of(two, tables)["detail"]
    assert "- thoracic paravertebral site, T9-T10, both sides, likelihood strong" in detail
    assert "- thoracic paravertebral site, L2, left, likelihood limited, does not fit EMH" in detail


def test_h02_words_of_another_day_carry_their_date(tables: TableSet) -> None:
    older = samples.item("stability", "time", 2, "unchanged")
    older = replace(older, fact=replace(older.fact, date=samples.date(2025, 3, 4)))
    shown = samples.decided("W-1", "R6", lead={"items": (older,)})
    assert 'unchanged for a year or more ("unchanged" 2025-03-04)' in card_of(shown, tables)["detail"]


def test_snippet_is_the_sentence_where_it_is_known(tables: TableSet) -> None:
    words = samples.fact("paraspinal_mass", text="masses", sentence="Smooth masses lie on both sides.")
    shown = samples.decided("W-1", "R6", lead={"statement": words})
    assert 'CT of 2026-11-18: "Smooth masses lie on both sides." (' in card_of(shown, tables)["detail"]


def test_h23_bleeding_precautions_when_biopsy_goes_on(tables: TableSet) -> None:
    for name in ("W-3", "W-3 R11", "W-4"):
        assert (
            "check platelets and INR, review anticoagulants, group and save" in card_of(CARDS[name], tables)["detail"]
        )
    labels = [s["label"] for s in card_of(CARDS["W-4"], tables)["suggestions"]]
    assert "Platelets, INR, group and save" in labels


def test_h24_child_under_5_gets_tumor_first(tables: TableSet) -> None:
    detail = card_of(CARDS["I-4 paediatric"], tables)["detail"]
    assert "neuroblastic tumor comes first at this age" in detail
    assert "involve pediatric oncology" in detail
    older = replace(CARDS["W-2"], age_years=7)
    assert "a neuroblastic tumor must be considered too" in card_of(older, tables)["detail"]


def test_h25_pregnancy_takes_scan_and_gadolinium_away(tables: TableSet) -> None:
    pregnant = card_of(replace(CARDS["W-2"], pregnant=True), tables)
    labels = [s["label"] for s in pregnant["suggestions"]]
    assert not any("sulfur colloid" in label for label in labels)
    assert "MRI spine/chest with fat suppression and T2* without gadolinium" in labels
    assert "sulfur colloid" not in pregnant["detail"]
    assert "Pregnancy: nuclear scan and gadolinium left out; involve obstetrics." in pregnant["detail"]


@pytest.mark.parametrize(("value", "shown"), [("29.9 mL/min", True), ("30 mL/min", False)])
def test_kidney_line_below_30(value: str, shown: bool, tables: TableSet) -> None:
    card = card_of(replace(CARDS["W-2"], egfr=samples.fact("x", text=value)), tables)
    assert ("no gadolinium by default" in card["detail"]) is shown
    assert any("without gadolinium" in s["label"] for s in card["suggestions"]) is shown


def test_h32_anticoagulant_line_in_its_three_forms(tables: TableSet) -> None:
    drug = samples.fact("x", text="Warfarin 5 mg")
    found = card_of(replace(CARDS["W-4"], anticoagulants=(drug,)), tables)["detail"]
    assert "On Warfarin 5 mg: raises bleeding risk; follow local rules before any puncture." in found
    assert "No anticoagulant found in the drug list read." in card_of(CARDS["W-4"], tables)["detail"]
    unknown = card_of(replace(CARDS["W-4"], anticoagulants=None), tables)["detail"]
    assert "Drug list not available: ask about anticoagulants." in unknown
    assert "anticoagulant found" not in card_of(CARDS["W-1"], tables)["detail"]


def test_h11_missing_data_is_named(tables: TableSet) -> None:
    gap = samples.missing("no-recent-hb", "no usable Hb in the last 90 days")
    assert (
        "Missing: no usable Hb in the last 90 days." in card_of(replace(CARDS["I-3"], missing=(gap,)), tables)["detail"]
    )


def test_iron_line_needs_ground_d_and_small_cells(tables: TableSet) -> None:
    severe = samples.blood(samples.Grade.B2, "severe", samples.fact("hb_low", text="54 g/L", source=samples.Source.LAB))
    small = replace(severe, mcv=samples.fact("microcytosis", text="64.5 fL", source=samples.Source.LAB))
    line = "MCV 64.5 fL: iron deficiency is to be ruled out (ferritin, iron studies)."
    assert line in card_of(replace(CARDS["W-2"], blood=small), tables)["detail"]
    assert "iron deficiency is to be ruled out" not in card_of(replace(CARDS["W-2"], blood=severe), tables)["detail"]


def test_h19_silenced_card_is_not_shown(tables: TableSet) -> None:
    assert build(replace(CARDS["W-1"], silenced="dedup"), tables) == []
    assert build(samples.decided(None, "R3", **samples.whole()), tables) == []


def test_h30_rule_version_is_on_card_and_source(tables: TableSet) -> None:
    newer = replace(CARDS["W-1"], rules=samples.Rules(version="2027.1", digest="1" * 64))
    card = card_of(newer, tables)
    assert "rule set 2027.1" in card["detail"]
    assert card["uuid"] != card_of(CARDS["W-1"], tables)["uuid"]


def test_h29_same_evaluation_gives_the_same_ids(tables: TableSet) -> None:
    first, again = card_of(CARDS["W-1"], tables), card_of(CARDS["W-1"], tables)
    assert first == again
    other = card_of(CARDS["W-1"], tables, instance="c0ffee00-0000-4000-8000-000000000000")
    assert other["uuid"] != first["uuid"]
    ids = [first["uuid"], *(s["uuid"] for s in first["suggestions"])]
    assert len(ids) == len(set(ids))
