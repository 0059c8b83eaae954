"""What must not change an answer, and what a change may not do: generated patients, from the bundle to the output."""

import datetime as dt
import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emhwatch.assess.evaluate import evaluate
from emhwatch.assess.output import result
from emhwatch.cds.cards import build as build_cards
from emhwatch.model.assessment import Assessment
from emhwatch.types import Indicator, Tier, Value
from tests.assess.bundles import (
    SUBJECT,
    TABLES,
    Json,
    T,
    ago,
    condition,
    drug,
    hb,
    lab,
    order,
    pathology,
    person,
    procedure,
    report,
    status,
)  # fmt: skip

MASSES = (
    "Bilateral paravertebral masses T9 to T11, smooth and lobulated.",
    "Right paraspinal mass at T10 with destruction of the pedicle.",
    "Possible left paraspinal mass at T5. Biopsy could be considered.",
    "Left paravertebral mass at T8 that contains fat. Splenomegaly.",
    "Presacral mass. Widened ribs.",
    "Lungs clear. Heart size normal.",
)
DENIALS = ("No paraspinal mass.", "Paravertebral tissues unremarkable.")
DANGERS = ("", " The spinal cord is compressed.", " No cord compression.", " Cord compression cannot be excluded.")
PROBLEMS = ("D56.1", "D57.1", "D47.1", "D63.1", "D64.9", "C79.51", "C83.30", "D50.9", "D45")
UCUM = "http://unitsofmeasure.org"
LIMITS = st.sampled_from([104, 105, 109, 110, 119, 120, 129, 130])
AGO = st.sampled_from([0, 2, 30, 89, 90, 91, 200, 365, 366, 500, 730, 731])


@st.composite
def charts(draw: st.DrawFn, denials: bool = True) -> list[Json]:
    """Resources of one patient, each with an id; `r1` is the report under evaluation."""
    age = draw(st.sampled_from([None, 3, 7, 40, 70]))
    born = {} if age is None else {"birthDate": ago(age * 365 + 130)}
    texts = MASSES + DENIALS if denials else MASSES
    told = [draw(st.sampled_from(texts)) + draw(st.sampled_from(DANGERS)) for _ in range(draw(st.integers(1, 3)))]
    made = [person(None, draw(st.sampled_from(["male", "female", None])), **born)]
    made += [
        report(text, draw(AGO), draw(st.sampled_from(["CT", "MR", "CR"])), ident=f"r{number}")
        for number, text in enumerate(told, 1)
    ]
    made += [hb(draw(st.one_of(st.integers(60, 150), LIMITS)), draw(AGO)) for _ in range(draw(st.integers(0, 4)))]
    made += [
        condition(draw(st.sampled_from(PROBLEMS)), **draw(st.sampled_from([{}, status("active"), status("resolved")])))
        for _ in range(draw(st.integers(0, 2)))
    ]
    made += [transfusion(draw(AGO)) for _ in range(draw(st.integers(0, 2)))]
    for extra in (lab("787-2", 70, "fL", 20), lab("2276-4", 8, "ug/L", 20), drug("Deferasirox", 100), order()):
        if draw(st.integers(0, 3)) == 0:
            made.append(extra)
    return named(made)


def named(resources: list[Json]) -> list[Json]:
    return [{"id": f"x{number}"} | resource for number, resource in enumerate(resources)]


def transfusion(days: float) -> Json:
    return procedure("Transfusion of packed red blood cells", days)


def bundle(resources: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}


def answer(*pages: list[Json], now: dt.datetime = T) -> Assessment:
    return evaluate([bundle(page) for page in pages], focus="DiagnosticReport/r1", now=now, tables=TABLES)


def told(assessment: Assessment) -> Json:
    """The whole answer, without the order of what is a set."""
    document: Json = json.loads(json.dumps(result(assessment), default=str))
    document["facts"] = sorted(document["facts"], key=lambda fact: json.dumps(fact, sort_keys=True))
    document["missing"] = sorted(document["missing"])
    document["cards"] = build_cards(assessment, TABLES, hook=None)
    return document


def decided(assessment: Assessment) -> tuple[Any, ...]:
    """The decision and the values of the keys, without dates and words."""
    keys = sorted({(fact.key, str(fact.value), fact.mass or 0) for fact in assessment.facts})
    masses = [(m.value, m.row, m.tier, m.card, m.supporting, m.opposing, m.hold_offered) for m in assessment.masses]
    blood = (assessment.blood.grade, [ground.id for ground in assessment.blood.grounds])
    return (
        assessment.row,
        assessment.indicator,
        assessment.card,
        assessment.value,
        assessment.danger,
        blood,
        masses,
        keys,
    )


def over(examples: int) -> Any:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=quiet, database=None)


@over(60)
@given(charts(), st.randoms(use_true_random=False))
def test_the_order_of_resources_changes_nothing(resources: list[Json], chance: Any) -> None:
    mixed = list(resources)
    chance.shuffle(mixed)
    assert told(answer(mixed)) == told(answer(resources))


@over(60)
@given(charts(), st.lists(st.integers(0, 20), max_size=4))
def test_splitting_a_bundle_into_pages_changes_nothing(resources: list[Json], cuts: list[int]) -> None:
    edges = sorted({0, len(resources), *(cut for cut in cuts if cut < len(resources))})
    pages = [resources[first:last] for first, last in itertools.pairwise(edges)]
    assert told(answer(*pages)) == told(answer(resources))


@over(60)
@given(charts(), st.integers(-2500, 2500))
def test_shifting_all_dates_with_now_changes_nothing(resources: list[Json], days: int) -> None:
    def later(found: re.Match[str]) -> str:
        return (dt.date.fromisoformat(found[0]) + dt.timedelta(days=days)).isoformat()

    moved = json.loads(re.sub(r"\d{4}-\d{2}-\d{2}", later, json.dumps(resources)))
    assert decided(answer(moved, now=T + dt.timedelta(days=days))) == decided(answer(resources))


@over(60)
@given(charts(), st.sampled_from([("g/dL", 10), ("mmol/L", 16.1), ("gm/dL", 10)]))
def test_h14_the_unit_of_a_hemoglobin_changes_nothing(resources: list[Json], unit: tuple[str, float]) -> None:
    name, grams = unit
    other = []
    for resource in resources:
        if resource["resourceType"] == "Observation" and resource["valueQuantity"]["unit"] == "g/L":
            value = resource["valueQuantity"]["value"] / grams
            resource = resource | {
                "valueQuantity": {
                    "value": value,
                    "unit": name,
                    **({"system": UCUM, "code": name} if name[1:] != "m/dL" else {}),
                }
            }
        other.append(resource)
    assert decided(answer(other)) == decided(answer(resources))


@over(60)
@given(charts(), AGO)
def test_adding_a_transfusion_never_raises_an_absent_danger(resources: list[Json], days: int) -> None:
    before = answer(resources)
    after = answer([*resources, transfusion(days) | {"id": "more"}])
    assert after.danger is before.danger


#: What may come to be known of a patient; none of it denies the mass or the danger.
RESOLVED: tuple[Json, ...] = (
    hb(140, 1), hb(70, 1), hb(101, 100), lab("787-2", 90, "fL", 1), lab("2276-4", 300, "ug/L", 1), order(),
    lab("2276-4", 5, "ug/L", 1), condition("D56.1"), condition("N18.5"), condition("D50.9"),
    drug("Warfarin", 1, "active"),
    report("Lungs clear. Heart size normal.", 1, "CR", ident="other"), transfusion(5),
)  # fmt: skip


@over(100)
@given(charts(denials=False), st.lists(st.sampled_from(RESOLVED), min_size=1, max_size=4), st.booleans())
def test_resolving_an_unknown_never_turns_a_critical_into_none(
    resources: list[Json], known: list[Json], birth: bool
) -> None:
    resources[1] = report(MASSES[0] + DANGERS[1], 0)  # the newest: an older or equal one cannot take the danger back
    before = answer(resources)
    more = [resource | {"id": f"more{number}"} for number, resource in enumerate(known)]
    if birth:
        resources = [resources[0] | {"birthDate": ago(40 * 365 + 130), "gender": "female"}, *resources[1:]]
    after = answer([*resources, *more])
    assert after.danger is Value.PRESENT
    if before.indicator is Indicator.CRITICAL:
        assert after.indicator in (Indicator.CRITICAL, Indicator.WARNING, Indicator.INFO), after.row


@pytest.mark.parametrize(
    ("known", "row"),
    [
        (report("No paraspinal mass.", 1, "MR", ident="later"), "R3"),
        (pathology("Schwannoma.", 1), "R2"),
        (person(None, "male", deceasedBoolean=True), "R0"),
    ],
)
def test_what_the_policy_lets_end_a_critical(known: Json, row: str) -> None:
    resources = [person(), condition("D56.1"), report(MASSES[0] + DANGERS[1], 3)]
    assert answer(named(resources)).indicator is Indicator.CRITICAL
    kept = [r for r in resources if r["resourceType"] != known["resourceType"] or known["resourceType"] != "Patient"]
    assert answer(named([*kept, known])).row == row


JUNK = st.sampled_from([None, "", "x", 7, -1.5, True, [], {}, [None], [[]], {"value": "x"}, [{"coding": "x"}]])


@over(150)
@given(charts(denials=False), st.data())
def test_h21_a_broken_resource_never_looks_like_no_emh(resources: list[Json], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(resources) - 1))
    broken = dict(resources[at])
    names = sorted(set(broken) - {"resourceType", "id", "deceasedBoolean"})
    broken[data.draw(st.sampled_from(names or ["gender"]))] = data.draw(JUNK)
    found = answer([*resources[:at], broken, *resources[at + 1 :]])
    assert found.error is None
    assert found.value is not Value.ABSENT
    assert found.tier is not Tier.EXCLUDED
    if found.row == "R0":
        assert (found.tier, found.value, found.danger, found.blood.grade) == (
            "not-assessed",
            "unknown",
            "unknown",
            "unknown",
        )


class Failing(dict[str, Any]):
    """A resource that cannot be read at all."""

    def get(self, *_: object) -> Any:
        raise RuntimeError("a fault in the middle of an evaluation")


@over(20)
@given(charts())
def test_h21_an_error_never_looks_like_no_emh(resources: list[Json]) -> None:
    fault = Failing(resourceType="Condition", id="fault", subject=SUBJECT)
    found = evaluate([*resources, fault], focus="DiagnosticReport/r1", now=T, tables=TABLES)
    if found.error is None:  # the fault cost itself only
        assert decided(found) == decided(answer(resources))
    else:
        assert (found.row, found.tier, found.value, found.danger, found.blood.grade) == (
            "R0", "not-assessed", "unknown", "unknown", "unknown",
        )  # fmt: skip
