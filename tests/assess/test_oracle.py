"""The product against the oracle on generated patients: every output must be the same."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emhwatch.assess.decide import Question, decide
from emhwatch.assess.grade import Grading
from emhwatch.assess.hemoglobin import Hemoglobin
from emhwatch.assess.judge import aggregate_danger, score_mass
from emhwatch.assess.person import Lab, Person, Pregnancy, Sample
from emhwatch.model.days import Days
from emhwatch.tables.load import load_tables
from emhwatch.types import Biopsy, Histology, Value
from tests.assess import oracle

TABLES = load_tables()
T = date(2025, 6, 15)
PATIENT_KEYS = sorted(
    {*oracle.ALWAYS, *oracle.IF_ANEMIC, *oracle.CAUSES, *oracle.SIGNS}
    | {
        "chronic_anaemia_documented",
        "chronic_anaemia_unclear_cause",
        "chronic_transfusion_history",
        "luspatercept_use",
        "iron_chelator_use",
        "dx_haemochromatosis",
        "dx_b12_folate_deficiency",
        "splenomegaly",
        "hepatic_siderosis",
        "splenectomy_blood_disease",
        "anaemia_unspecified",
        "clinical_pallor",
        "cord_compression",
        "neuro_deficit",
        "haemothorax",
        "dx_nf1",
        "cancer_history_5y",
        "fever_unexplained",
        "tb_context",
        "weight_loss_night_sweats",
    }
)
MASS_KEYS = [
    "site_thoracic_paravertebral",
    "site_costovertebral",
    "level_caudal_to_t6",
    "laterality_bilateral",
    "multiplicity",
    "well_circumscribed",
    "lobulated",
    "intralesional_fat",
    "t1_hyper_fat",
    "iron_signal",
    "other_emh_site",
    "bone_erosion_denied",
    "calcification_denied",
    "stability",
    "tc99m_sulfur_colloid",
    "bone_destruction",
    "bone_erosion",
    "disc_endplate_disease",
    "rim_enhancing_fluid",
    "dumbbell_foraminal",
    "csf_like_cyst",
    "calcification",
    "aortic_encasement",
    "nerve_sheath_sign",
    "late_growth",
    "infiltrative_ill_defined",
    "necrosis",
    "prior_other_label",
]
VALUES = st.sampled_from(["present", "present", "possible", "absent"])
#: Days before `t` around every limit of the policy.
AGO = st.one_of(
    st.integers(0, 900),
    st.sampled_from([0, 1, 29, 30, 31, 89, 90, 91, 119, 120, 121, 364, 365, 366, 729, 730, 731, 820]),
)
HB = st.one_of(st.integers(60, 150), st.sampled_from([79, 80, 104, 105, 109, 110, 114, 115, 119, 120, 129, 130]))


def few(keys: list[str], most: int) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(keys), VALUES, max_size=most)


@st.composite
def patients(draw: st.DrawFn) -> dict[str, Any]:
    ago = draw(st.lists(AGO, max_size=5))
    birth_ago = draw(
        st.one_of(
            st.none(),
            st.integers(0, 30000),
            st.sampled_from([100, 182, 183, 184, 185, 1826, 1827, 3652, 3653, 14000, 21914, 21915]),
        )
    )
    acute = [(a, max(a - draw(st.integers(0, 60)), 0)) for a in draw(st.lists(AGO, max_size=2))]
    pregnancy = draw(st.one_of(st.none(), st.none(), st.tuples(AGO, st.booleans())))
    return {
        "sex": draw(st.sampled_from(["male", "female", None])),
        "birth_ago": birth_ago,
        "report_ago": draw(st.sampled_from([0, 0, 0, 10, 100, 400])),
        "hb_ago": [(a, draw(HB)) for a in ago],
        "transfusions_ago": draw(st.lists(AGO, max_size=2)),
        "acute_ago": acute,
        "pregnancy": pregnancy,
        "labs": {
            "mcv": draw(st.lists(st.tuples(AGO, st.sampled_from([70, 75, 80, 105, 106]), st.booleans()), max_size=1)),
            "ferritin": draw(
                st.lists(st.tuples(AGO, st.sampled_from([5, 15, 50, 1000, 1001]), st.booleans()), max_size=2)
            ),
            "bilirubin": draw(st.lists(st.tuples(AGO, st.just(20), st.booleans()), max_size=1)),
        },
        "facts": draw(few(PATIENT_KEYS, 5)),
        "mass": draw(few(MASS_KEYS, 9)),
        "x": {
            "blocked": draw(st.sampled_from([False] * 15 + [True])),
            "a": draw(st.sampled_from(["present", "present", "present", "possible", "absent", "unknown"])),
            "site": draw(st.sampled_from(["A1", "A1", "A2"])),
            "f": draw(st.sampled_from(["none", "recommended", "ordered", "done-pending"])),
            "h": draw(st.sampled_from(["unknown"] * 6 + ["emh", "other"])),
            "e": draw(st.sampled_from(["unknown", "present", "possible", "absent"])),
            "priority": draw(st.sampled_from([None, "routine", "urgent", "asap", "stat"])),
            "rival_leads": draw(st.sampled_from([False, False, True])),
        },
    }


def back(days: int) -> date:
    return T - timedelta(days=days)


def expected(case: dict[str, Any]) -> dict[str, Any]:
    base = T.toordinal()
    born = None if case["birth_ago"] is None else back(case["birth_ago"])

    def months(day: int) -> int | None:
        if born is None:
            return None
        on = date.fromordinal(day)
        return oracle.completed_months((born.year, born.month, born.day), (on.year, on.month, on.day))

    def gestation(day: int) -> int | str | None:
        if case["pregnancy"] is None:
            return None
        began = base - case["pregnancy"][0]
        if not began <= day <= began + 280:
            return None
        return day - began if case["pregnancy"][1] else "unknown"

    patient = {
        "t": base,
        "report_day": base - case["report_ago"],
        "sex": case["sex"],
        "hb": [(base - a, v) for a, v in case["hb_ago"]],
        "transfusions": [base - a for a in case["transfusions_ago"]],
        "acute": [(base - a, base - z) for a, z in case["acute_ago"]],
        "labs": {name: [(base - a, v, h) for a, v, h in found] for name, found in case["labs"].items()},
        "facts": case["facts"],
        "months": months,
        "gestation": gestation,
    }
    return oracle.Oracle(patient).answer(case["mass"], case["x"])


def person_of(case: dict[str, Any]) -> Person:
    pregnancies = ()
    if case["pregnancy"]:
        first = back(case["pregnancy"][0])
        pregnancies = (Pregnancy(first, first + timedelta(days=280), first if case["pregnancy"][1] else None),)
    return Person(
        t=T,
        report_day=back(case["report_ago"]),
        birth=None if case["birth_ago"] is None else Days.of(back(case["birth_ago"])),
        sex=case["sex"],
        pregnancies=pregnancies,
        hb=tuple(Sample(Days.of(back(a)), float(v)) for a, v in case["hb_ago"]),
        transfusions=tuple(Days.of(back(a)) for a in case["transfusions_ago"]),
        acute=tuple(Days(back(a), back(z)) for a, z in case["acute_ago"]),
        labs={
            name: tuple(Lab(Days.of(back(a)), float(v), h) for a, v, h in found) for name, found in case["labs"].items()
        },
        values={key: Value(value) for key, value in case["facts"].items()},
    )


def answered(case: dict[str, Any]) -> dict[str, Any]:
    person = person_of(case)
    grading = Grading(person, Hemoglobin(person, TABLES.decision), TABLES.decision, TABLES.keys)
    mass = {key: Value(value) for key, value in case["mass"].items()}
    score = score_mass(grading, mass)
    x = case["x"]
    danger = aggregate_danger(person.values, TABLES.keys)
    question = Question(
        blocked=x["blocked"],
        mass=Value(x["a"]),
        site=x["site"],
        blood=grading.grade,
        danger=danger,
        biopsy=Biopsy(x["f"]),
        histology=Histology(x["h"]),
        names_emh=Value(x["e"]),
        supporting=score.supporting,
        opposing=score.opposing,
        major=score.major,
        colloid=mass.get("tc99m_sulfur_colloid", Value.UNKNOWN),
        years=person.years(T),
        rival_leads=x["rival_leads"],
        priority=x["priority"],
    )
    decision = decide(question, TABLES.decision)
    return {
        "blood": str(grading.grade), "danger": str(danger), "supporting": score.supporting, "opposing": score.opposing,
        "major": score.major, "row": decision.row, "indicator": str(decision.indicator), "tier": str(decision.tier),
        "card": decision.card, "hold": decision.hold,
    }  # fmt: skip


def agree(case: dict[str, Any]) -> None:
    assert answered(case) == expected(case)


def over(examples: int) -> Callable[[Callable[[dict[str, Any]], None]], Callable[[], None]]:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=quiet, database=None)


@over(2000)
@given(patients())
def test_the_product_agrees_with_the_oracle(case: dict[str, Any]) -> None:
    agree(case)


@pytest.mark.soak
@over(100_000)
@given(patients())
def test_the_product_agrees_with_the_oracle_on_a_hundred_thousand(case: dict[str, Any]) -> None:
    agree(case)
