"""Hazards that a card itself can cause: markup from reports, orders changed by mistake."""

from dataclasses import replace

import pytest

from emhwatch.cds.cards import build
from emhwatch.cds.markdown import escaped, quoted
from emhwatch.tables.load import TableSet, load_tables
from tests.cds import card_samples as samples

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/a.png)",
    "**bold** _em_ `code` ~~gone~~ | a | b |",
    "https://evil.example and www.evil.example and a@evil.example",
    "ignore all rules\n\n# Heading\n- cancel the order",
    "zero\u200bwidth \u202eright to left\u2066 \x00 \x1b[31m \ufeff",
    "&lt;b&gt; &#60;b&#62; {b_reason} {{context.patientId}}",
    '"quoted" end',
    "x" * 5000,
]


@pytest.fixture(scope="module")
def tables() -> TableSet:
    return load_tables()


@pytest.mark.parametrize("text", HOSTILE)
def test_h27_snippet_becomes_plain_text(text: str) -> None:
    words = escaped(text)
    assert "<" not in words
    assert ">" not in words
    assert "://" not in words
    assert "www." not in words
    assert "@e" not in words
    assert "{" not in words
    assert "\n" not in words
    assert not any(c in words for c in "\u200b\u202e\u2066\x00\x1b\ufeff")
    for mark in "`*_[]|~":
        assert mark not in words.replace(f"\\{mark}", "")
    assert quoted(text).count('"') == 2


def test_h27_snippet_is_cut_at_200_characters_of_the_report() -> None:
    assert 190 < len(escaped("ab " * 500)) <= 200
    assert escaped("ab " * 500).endswith("…")
    assert escaped("short") == "short"


@pytest.mark.parametrize("text", HOSTILE)
def test_h27_hostile_words_in_every_place_leave_no_markup(text: str, tables: TableSet) -> None:
    words = samples.fact("paraspinal_mass", text=text)
    named = samples.fact("dx_thalassaemia", text=text)
    hostile = samples.decided(
        "W-3",
        "R6",
        blood=samples.blood(samples.Grade.B1, "disease", named),
        lead={
            **samples.OPPOSED,
            "items": (
                samples.item("aortic_encasement", "D", 2, text),
                samples.item("lobulated", "morphology", 1, text),
            ),
            "statement": words,
            "biopsy": samples.Biopsy.ORDERED,
            "biopsy_fact": words,
            "report": samples.report(modality=None, title=text),
            "older_label": replace(words, key="prior_other_label"),
        },
        facts=(replace(words, key="prior_other_label"),),
        anticoagulants=(words,),
        **{k: v for k, v in samples.danger(replace(words, key="cord_compression")).items() if k != "facts"},
    )
    (card,) = build(hostile, tables)
    detail = card["detail"]
    assert "<" not in detail
    assert "](" not in detail
    assert "://" not in detail
    assert "{" not in detail
    assert not any(line.lstrip().startswith(("#", ">", "|", "```")) for line in detail.splitlines())
    assert len(card["summary"]) < 140
    assert text not in card["summary"]


def draft(**more: object) -> dict:
    """An unsigned biopsy order."""
    order = {
        "resourceType": "ServiceRequest",
        "id": "o1",
        "status": "draft",
        "intent": "order",
        "note": [{"text": "a"}],
    }
    return {**order, "subject": {"reference": "Patient/p1"}, **more}


def held(**more: object) -> samples.Assessment:
    given = {"hold_offered": True, "draft_order": "ServiceRequest/o1", "lead": samples.ORDERED, **more}
    return samples.decided("W-1", "R6", tier=samples.Tier.STRONG, **given)


def actions(card: dict, label: str) -> list[dict]:
    return [a for s in card["suggestions"] if s["label"].startswith(label) for a in s["actions"]]


def test_h22_hold_of_an_unsigned_order_is_its_own_offer_and_never_selected(tables: TableSet) -> None:
    (card,) = build(held(), tables, hook="order-sign", orders=[draft()])
    (hold,) = actions(card, "Hold this biopsy")
    assert hold == {
        "type": "delete",
        "description": "Hold this biopsy until hematology has answered",
        "resourceId": "ServiceRequest/o1",
    }
    assert all(s["isRecommended"] is False for s in card["suggestions"])
    assert all(len(s["actions"]) == 1 for s in card["suggestions"])
    assert card["selectionBehavior"] == "any"


def test_h22_hold_of_a_signed_order_is_an_update_and_keeps_all_of_it(tables: TableSet) -> None:
    signed = draft(status="active", extension=[{"url": "https://x.example", "valueString": "kept"}])
    (card,) = build(held(), tables, hook="order-sign", orders=[signed])
    (hold,) = actions(card, "Hold this biopsy")
    assert hold["type"] == "update"
    assert hold["resource"] == {**signed, "status": "on-hold"}


def test_h22_no_hold_when_the_gate_is_closed(tables: TableSet) -> None:
    (card,) = build(held(hold_offered=False), tables, hook="order-sign", orders=[draft()])
    assert actions(card, "Hold") == []
    (noted,) = actions(card, "Keep biopsy")
    assert noted["resource"]["note"] == [{"text": "a"}, {"text": "EMH possible, may bleed"}]
    assert noted["resource"]["status"] == "draft"


def test_h22_order_of_the_caller_is_not_changed(tables: TableSet) -> None:
    order = draft()
    build(held(), tables, orders=[order])
    assert order == draft()


@pytest.mark.parametrize("name", samples.every_card())
def test_h22_nothing_destructive_but_the_hold(name: str, tables: TableSet) -> None:
    shown = replace(samples.every_card()[name], draft_order="ServiceRequest/o1", hold_offered=False)
    (card,) = build(shown, tables, orders=[draft()])
    kinds = {a["type"] for s in card.get("suggestions", ()) for a in s["actions"]}
    assert "delete" not in kinds
    assert "systemActions" not in card


def test_h06_known_mri_is_not_ordered_again_on_an_emergency(tables: TableSet) -> None:
    with_mri = replace(samples.every_card()["K-1 cord"], reports=(samples.report(modality="MR"),))
    (card,) = build(with_mri, tables)
    assert not any("MRI" in s["label"] for s in card["suggestions"])
    (plain,) = build(samples.every_card()["K-1 cord"], tables)
    (mri,) = actions(plain, "MRI")
    assert mri["resource"]["priority"] == "stat"
    (consult,) = actions(plain, "Hematology")
    assert consult["resource"]["priority"] == "urgent"


def test_h01_no_order_is_offered_for_an_unknown_patient(tables: TableSet) -> None:
    (card,) = build(replace(samples.every_card()["W-1"], patient=None), tables)
    assert "suggestions" not in card
