"""Assessments as the decision would give them, one for each way a card can come about; all fictional."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from emhwatch.model.assessment import (
    Assessment,
    Blood,
    Coding,
    Fact,
    Ground,
    HbPoint,
    Item,
    MassAssessment,
    Missing,
    ReportUsed,
    Rules,
    Withdrawal,
)
from emhwatch.types import Biopsy, Grade, Histology, Indicator, Side, Source, Tier, Value

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
DAY = date(2026, 11, 18)
INDICATOR = {"W": Indicator.WARNING, "I": Indicator.INFO}


def fact(key: str, value: Value = Value.PRESENT, text: str | None = None, **more: Any) -> Fact:
    """A fact of the newest report."""
    return Fact(
        key=key,
        value=value,
        source=more.pop("source", Source.TEXT),
        reference=more.pop("reference", "DiagnosticReport/r1"),
        date=more.pop("date", DAY),
        text=text,
        **more,
    )


def item(key: str, group: str, points: int, text: str | None = None) -> Item:
    """A scored line."""
    return Item(key=key, group=group, points=points, value=Value.PRESENT, fact=fact(key, text=text))


def report(**more: Any) -> ReportUsed:
    """A readable CT report."""
    given = {"modality": "CT", "title": "CT chest", "usable": True, "reason": None, "date": DAY} | more
    return ReportUsed(reference="DiagnosticReport/r1", version="1", status="final", **given)


def mass(index: int = 0, **more: Any) -> MassAssessment:
    """A paraspinal mass."""
    given: dict[str, Any] = {
        "value": Value.PRESENT,
        "site_class": "A1",
        "site_keys": ("site_thoracic_paravertebral",),
        "side": Side.BILATERAL,
        "levels": ("T9", "T10"),
        "size_mm": 40.0,
        "pooled": False,
        "row": "R6",
        "indicator": Indicator.WARNING,
        "tier": Tier.STRONG,
        "card": "W-1",
        "hold_offered": False,
        "supporting": 5,
        "opposing": 0,
        "net": 5,
        "major": False,
        "histology": Histology.UNKNOWN,
        "biopsy": Biopsy.NONE,
        "names_emh": Value.UNKNOWN,
        "items": (item("laterality_bilateral", "distribution", 1), item("intralesional_fat", "tissue", 2, "hold fat")),
        "not_described": ("calcification", "calcification_denied", "iron_signal"),
        "statement": fact("paraspinal_mass", text="smooth paravertebral masses at T9 and T10", mass=index),
        "report": report(),
    }
    return MassAssessment(index=index, **(given | more))


def hemoglobin(g_per_l: float, *, days: int = 10, limit: float = 120.0) -> HbPoint:
    """A cleaned sample."""
    low = g_per_l < limit
    return HbPoint(
        date=TODAY - timedelta(days=days),
        g_per_l=g_per_l,
        limit=limit,
        low=low,
        usable_normal=not low,
        acute=False,
        counted_low=low,
        reference="Observation/hb1",
        source=Source.LAB,
    )


THALASSEMIA = fact(
    "dx_thalassaemia",
    source=Source.CODED,
    reference="Condition/c1",
    code=Coding("http://hl7.org/fhir/sid/icd-10", "D56.1", "Beta thalassaemia"),
)


def blood(grade: Grade, ground: str | None, *facts: Fact, **more: Any) -> Blood:
    """A grade with one ground."""
    grounds = (Ground(id=ground, facts=facts),) if ground else ()
    return Blood(grade=grade, grounds=grounds, **more)


B1 = blood(Grade.B1, "disease", THALASSEMIA, hb=(hemoglobin(82),))
B2 = blood(Grade.B2, "series", fact("hb_low", text="82 g/L", source=Source.LAB), hb=(hemoglobin(82),))
CKD = fact("dx_ckd", source=Source.CODED, reference="Condition/c2")
B3 = blood(Grade.B3, "series-with-cause", CKD, causes=(CKD,), hb=(hemoglobin(98),))
SUSPECTED = blood(Grade.SUSPECTED, "low-hb", partial=(fact("hb_low", text="104 g/L", source=Source.LAB),))
UNKNOWN = Blood(grade=Grade.UNKNOWN)
NORMAL = blood(Grade.NORMAL, "normal", hb=(hemoglobin(141),))


def decided(card: str | None, row: str, *, blood: Blood = B1, **more: Any) -> Assessment:
    """One evaluation with one mass; `lead` gives what differs in the mass."""
    lead_given: dict[str, Any] = more.pop("lead", {})
    indicator = more.pop("indicator", INDICATOR.get((card or "")[:1], Indicator.CRITICAL if card else Indicator.NONE))
    tier = more.pop("tier", Tier.LIMITED)
    lead = mass(**({"row": row, "card": card, "tier": tier, "indicator": indicator} | lead_given))
    facts = (*more.pop("facts", ()), *(f for ground in blood.grounds for f in ground.facts))
    given: dict[str, Any] = {
        "id": "DiagnosticReport/r1",
        "focus": "DiagnosticReport/r1",
        "patient": "Patient/p1",
        "now": NOW,
        "t": TODAY,
        "indicator": indicator,
        "row": row,
        "tier": tier,
        "card": card,
        "hold_offered": False,
        "lead": more.pop("led_by", 0),
        "value": lead.value,
        "masses": (lead,),
        "blood": blood,
        "danger": Value.UNKNOWN,
        "danger_facts": (),
        "rules": Rules(version="2026.11.0", digest="0" * 64),
        "facts": facts,
        "reports": (report(),),
        "age_years": 44,
        "anticoagulants": (),
    }
    return Assessment(**(given | more))


CORD = fact("cord_compression", Value.POSSIBLE, "the thecal sac is effaced")
BLEEDING = fact("haemothorax", Value.PRESENT, "large bloody effusion")
OPPOSED = {
    "items": (item("aortic_encasement", "D", 2, "lifts the aorta"), item("well_circumscribed", "morphology", 1)),
    "opposing": 2,
    "supporting": 1,
    "net": -1,
}
ORDERED = {"biopsy": Biopsy.ORDERED, "biopsy_fact": fact("paraspinal_mass", text="CT-guided biopsy, left paraspinal")}
RECOMMENDED = {"biopsy": Biopsy.RECOMMENDED, "biopsy_fact": fact("paraspinal_mass", text="tissue sampling advised")}
POSSIBLE = {"value": Value.POSSIBLE, "source_reason": "plain-film", "report": report(modality="CR")}


def danger(*facts: Fact) -> dict[str, Any]:
    """Danger with these facts."""
    strongest = Value.PRESENT if any(f.value is Value.PRESENT for f in facts) else Value.POSSIBLE
    return {"danger": strongest, "danger_facts": facts, "facts": facts}


def whole(**more: Any) -> dict[str, Any]:
    """No mass stands: the answer of the patient."""
    answer = mass(-1, **({"site_class": None, "site_keys": (), "side": None, "levels": (), "statement": None} | more))
    return {"masses": (), "led_by": None, "whole": answer, "value": Value.UNKNOWN}


def every_card() -> dict[str, Assessment]:
    """One assessment for each summary of `clinical/cards`, by a name that a test can show."""
    normal_hb = replace(B1, hb=(hemoglobin(135),))
    carrier_fact = fact("dx_haemoglobinopathy_carrier", source=Source.CODED)
    carrier = blood(Grade.B3, "carrier-with-low-hb", carrier_fact, causes=(carrier_fact,), hb=(hemoglobin(108),))
    mpn_fact = fact("dx_mpn_other", source=Source.CODED)
    mpn = blood(Grade.B3, "mpn-without-anemia", mpn_fact, causes=(mpn_fact,))
    emh = {"histology": Histology.EMH}
    return {
        "W-1": decided("W-1", "R6", tier=Tier.STRONG),
        "W-1 no-low-hb": decided("W-1", "R6", tier=Tier.STRONG, blood=normal_hb),
        "W-2": decided("W-2", "R6", tier=Tier.MODERATE, blood=B2),
        "W-2 no-low-hb": decided("W-2", "R6", tier=Tier.MODERATE, blood=normal_hb),
        "W-3": decided("W-3", "R6", lead=OPPOSED),
        "W-3 nothing opposes": decided("W-3", "R6", blood=B2, lead={"opposing": 0}),
        "W-3 R11": decided("W-3", "R11", lead=POSSIBLE | ORDERED),
        "W-4": decided("W-4", "R7", blood=B3, lead=RECOMMENDED),
        "W-4 no-anemia": decided("W-4", "R7", blood=mpn, lead=ORDERED),
        "K-1 cord": decided("K-1", "R1", **danger(CORD)),
        "K-1 cord proven": decided("K-1", "R1", tier=Tier.KNOWN, lead=emh, **danger(CORD)),
        "K-1 hemothorax": decided("K-1", "R1", **danger(BLEEDING)),
        "K-1 hemothorax proven": decided("K-1", "R1", tier=Tier.KNOWN, lead=emh, **danger(BLEEDING)),
        "K-1 both": decided("K-1", "R1", **danger(CORD, BLEEDING)),
        "K-2": decided("K-2", "R1b", blood=UNKNOWN, indicator=Indicator.WARNING, **danger(CORD)),
        "K-2 suspected": decided("K-2", "R1b", blood=SUSPECTED, indicator=Indicator.WARNING, **danger(CORD)),
        "I-1": decided("I-1", "R11", lead=POSSIBLE),
        "I-1 no-low-hb": decided("I-1", "R11", lead=POSSIBLE, blood=normal_hb),
        "I-3": decided("I-3", "R9", blood=UNKNOWN, lead=RECOMMENDED),
        "I-3 R12 unknown": decided("I-3", "R12", blood=UNKNOWN, lead=POSSIBLE | ORDERED),
        "I-3 R12 B3": decided("I-3", "R12", blood=B3, lead=POSSIBLE | ORDERED),
        "I-3 R12 B?": decided("I-3", "R12", blood=SUSPECTED, lead=POSSIBLE | ORDERED),
        "I-4": decided("I-4", "R7", blood=B3, lead=OPPOSED),
        "I-4 carrier": decided("I-4", "R7", blood=carrier, facts=(carrier_fact,)),
        "I-4 no-anemia": decided("I-4", "R7", blood=mpn),
        "I-4 paediatric": decided("I-4", "R6p", blood=B2, age_years=3),
        "I-5": decided("I-5", "R8", blood=SUSPECTED, tier=Tier.NOT_ASSESSABLE),
        "I-6": decided("I-6", "R4", **whole(**ORDERED), reports=(report(usable=False, reason="not-readable"),)),
        "I-6 not named": decided("I-6", "R4", **whole(**ORDERED), reports=(report(reason="not-mentioned"),)),
        "I-7": decided(
            "I-7", "R10", blood=NORMAL, lead={"emh_fact": fact("report_names_emh", text="suggestive of EMH")}
        ),
        "I-8": decided("I-8", "R5", lead={"biopsy": Biopsy.DONE_PENDING}),
        "I-9": decided(
            None,
            "R3",
            **whole(),
            withdrawal=Withdrawal(change="report-amended", observation="o1", card="W-1", shown=DAY),
        ),
    }


def missing(code: str, words: str) -> Missing:
    """Missing data."""
    return Missing(code=code, words=words)
