"""Clauses of the policy, sections 4 to 7, that the numbered cases do not reach; each test is named after its clause."""

import pytest

from tests.assess.bundles import Json, ago, assess, condition, hb, lab, order, procedure, report, status, verified

MASS = "Right paravertebral mass at T10."


def keys(*parts: Json) -> dict[str, str]:
    return {fact.key: str(fact.value) for fact in assess(report(MASS), *parts).facts}


def limited(loinc: str, comparator: str, value: float, unit: str) -> Json:
    made = lab(loinc, value, unit, 5)
    made["valueQuantity"]["comparator"] = comparator
    return made


@pytest.mark.parametrize(
    ("comparator", "value", "grade"), [("<", 10, "B3"), ("<", 15, "B3"), ("<", 30, "B2"), (">", 10, "B2")]
)
def test_4_1_ferritin_below_a_bound_is_iron_deficiency(comparator: str, value: float, grade: str) -> None:
    found = assess(report(MASS), hb(70, 5), lab("787-2", 70, "fL", 5), limited("2276-4", comparator, value, "ug/L"))
    assert found.blood.grade == grade


@pytest.mark.parametrize(
    ("comparator", "value", "grade"), [(">", 1000, "B2"), (">=", 2000, "B2"), (">", 500, "B?"), ("<", 2000, "B?")]
)
def test_4_5_ferritin_above_a_bound_supports_a_severe_hb(comparator: str, value: float, grade: str) -> None:
    found = assess(report(MASS), hb(70, 5), limited("2276-4", comparator, value, "ug/L"))
    assert found.blood.grade == grade


@pytest.mark.parametrize(
    ("reason", "counts"),
    [({}, True), ({"reasonCode": [{"text": "Hypersplenism"}]}, True),
     ({"reasonCode": [{"text": "Traumatic splenic rupture, hemorrhage"}]}, False)],
)  # fmt: skip
def test_6_1_a_splenectomy_after_an_injury_is_none_for_a_blood_disease(reason: Json, counts: bool) -> None:
    found = keys(condition("D56.1"), procedure("Splenectomy", 4000, **reason))
    assert ("splenectomy_blood_disease" in found) is counts


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ((report("HISTORY: splenectomy in 2010. FINDINGS: " + MASS), condition("D56.1")), True),
        ((report("HISTORY: splenectomy in 2010. FINDINGS: " + MASS), condition("D47.1")), False),
        ((report("HISTORY: splenectomy in 2010. FINDINGS: " + MASS),), False),
        ((report(MASS), procedure("Splenectomy", 4000)), False),
        ((report(MASS + " Small calcified spleen, autosplenectomy."),), True),
    ],
)
def test_6_1_a_splenectomy_without_a_reason_counts_in_a_hemolytic_disease_only(
    parts: tuple[Json, ...], counts: bool
) -> None:
    assert ("splenectomy_blood_disease" in {fact.key for fact in assess(*parts).facts}) is counts


RECENT = {"recordedDate": ago(10)}


@pytest.mark.parametrize(
    ("deficiency", "grade"),
    [
        (condition("D51.0", **RECENT), "B2"),
        (condition("D51.0", **RECENT, **verified("provisional")), "B3"),
        (condition("D51.0", **RECENT, **status("resolved")), "B3"),
    ],
)
def test_4_2_a_deficiency_is_long_standing_by_a_series(deficiency: Json, grade: str) -> None:
    assert assess(report(MASS), deficiency, condition("N18.4"), hb(95, 120), hb(95, 5)).blood.grade == grade
    assert assess(report(MASS), deficiency, hb(95, 5)).blood.grade == "B?"


@pytest.mark.parametrize(
    ("words", "grade"),
    [
        ("Hb 85 g/L on 2025-01-03, Hb 92 g/L today.", "B2"),
        ("On 2025-01-03 Hb 85 g/L, on 2025-06-01 Hb 92 g/L.", "B2"),
        ("Hb 85 g/L (2025-01), Hb 92 g/L (2025-06-01).", "B2"),
        ("Hb 85 g/L on 2025-05-03, Hb 92 g/L today.", "B?"),
        ("Hb 85 g/L on 2019-01-03.", "B-unknown"),
        ("Hb 85 g/L, CT of 2019-01-03.", "B?"),
    ],
)
def test_4_3_a_value_in_a_text_is_dated_as_stated(words: str, grade: str) -> None:
    found = assess(report(f"HISTORY: {words}\nFINDINGS: {MASS}")).blood.grade
    assert {"unknown": "B-unknown"}.get(found, str(found)) == grade


@pytest.mark.parametrize(
    ("priorities", "hold"),
    [(["routine"], True), (["routine", "stat"], False), (["asap", "routine"], False), (["urgent", None], True)],
)
def test_7_2_of_several_orders_the_most_urgent_closes_the_hold_gate(priorities: list[str | None], hold: bool) -> None:
    orders = [order(id=f"o{number}", priority=priority) for number, priority in enumerate(priorities)]
    found = assess(
        report("Bilateral lobulated paravertebral masses T9-T11 that contain fat."), condition("D56.1"), *orders
    )
    assert found.hold_offered is hold
