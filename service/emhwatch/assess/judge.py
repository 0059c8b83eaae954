"""From a graded person and the values of one mass to its score; and the aggregate of the danger items."""

from collections.abc import Mapping

from emhwatch.assess.grade import Grading
from emhwatch.assess.score import Score, score
from emhwatch.tables.keys import KeyTables
from emhwatch.types import Grade, Value


def score_mass(grading: Grading, mass: Mapping[str, Value]) -> Score:
    """Score one mass with the keys of the patient and of his or her age (policy 6.1, 6.2)."""
    return score(
        {**grading.person.values, **age_values(grading), **mass},
        grade=grading.grade,
        grade_without=grading.without,
        tables=grading.tables,
        keys=grading.keys,
    )


def age_values(grading: Grading) -> dict[str, Value]:
    """The computed age items (policy 6.2); none when the birth date is unknown."""
    years = grading.person.years(grading.person.t)
    if years is None:
        return {}
    constants = grading.tables.constants
    found: list[str] = []
    if years[1] < constants["age_child"]:
        found += grading.keys.role("age-child")
    if years[0] >= constants["age_old"] and grading.grade is not Grade.B1:
        found += grading.keys.role("age-old")
    return dict.fromkeys(found, Value.PRESENT)


def aggregate_danger(values: Mapping[str, Value], keys: KeyTables) -> Value:
    """G of the patient (policy 5.1)."""
    items = [values.get(key, Value.UNKNOWN) for key in keys.role("danger")]
    for value in (Value.PRESENT, Value.POSSIBLE):
        if value in items:
            return value
    denied = any(values.get(key) is Value.ABSENT for key in keys.role("danger-denial"))
    return Value.ABSENT if denied else Value.UNKNOWN
