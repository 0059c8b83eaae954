"""What the dates of several reports make of "unchanged" and "grown" (policy 6.1, 6.2, 17)."""

import pytest

from tests.assess.bundles import Json, ago, assess, condition, report

SEEN = "Right paravertebral mass at T10."
SAME = "Right paravertebral mass at T10, unchanged."
GROWN = "The right paravertebral mass at T10 has increased in size."


def course(*reports: Json) -> dict[str, str]:
    found = assess(condition("D56.1"), *reports)
    keys = ("stability", "late_growth", "growth_pattern")
    return {fact.key: str(fact.value) for fact in found.facts if fact.key in keys}


def series(*told: tuple[str, float, str]) -> list[Json]:
    """Text, days ago, modality; the first is the report under evaluation."""
    return [report(text, days, kind, ident=f"r{n}") for n, (text, days, kind) in enumerate(told, 1)]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        pytest.param(series((SAME, 3, "CT"), (SEEN, 368, "CT")), {"stability": "present"}, id="365 days apart"),
        pytest.param(series((SAME, 3, "CT"), (SEEN, 367, "CT")), {}, id="364 days apart"),
        pytest.param(series((SAME, 3, "CT"), (SEEN, 900, "CR")), {}, id="first seen on a film only"),
        pytest.param(series((SAME, 3, "CR"), (SEEN, 900, "CT")), {}, id="a film calls it unchanged"),
        pytest.param(series((SAME, 3, "CT")), {}, id="one report does not tell since when"),
        pytest.param(
            series((SAME, 3, "MR"), (GROWN, 200, "CT"), (SEEN, 500, "CT")), {"growth_pattern": "present"},
            id="grown in between, within a year of the first sight",
        ),
        pytest.param(series((GROWN, 3, "CT"), (SEEN, 369, "CT")), {"late_growth": "present"}, id="after 366 days"),
        pytest.param(series((GROWN, 3, "CT"), (SEEN, 368, "CT")), {"growth_pattern": "present"}, id="within 365 days"),
        pytest.param(
            series((GROWN, 3, "CT"), ("Right paravertebral mass at T10, unchanged for two years.", 100, "CT")),
            {"stability": "present", "late_growth": "present"}, id="grown after a stability",
        ),
        pytest.param(
            series(("Right paravertebral mass at T10 has probably increased in size.", 3, "CT"), (SEEN, 500, "CT")),
            {"late_growth": "possible"}, id="a hedge on late growth",
        ),
        pytest.param(series(("Right paravertebral mass at T10 has grown since 2022.", 3, "CT")),
                     {"late_growth": "present"}, id="since a year in words"),
        pytest.param(series((f"Right paravertebral mass at T10, unchanged since {ago(90)[:7]}.", 3, "CT")), {},
                     id="since a month of the last year"),
    ],
)  # fmt: skip
def test_course_of_a_mass(reports: list[Json], expected: dict[str, str]) -> None:
    assert course(*reports) == expected


def test_a_report_in_between_without_a_word_on_growth_changes_nothing() -> None:
    assert course(*series((SAME, 3, "CT"), (SEEN, 200, "CT"), (SEEN, 800, "MR"))) == {"stability": "present"}


def test_late_growth_opposes_and_stability_supports() -> None:
    late = assess(condition("D56.1"), *series((GROWN, 3, "CT"), (SEEN, 500, "CT"))).masses[0]
    same = assess(condition("D56.1"), *series((SAME, 3, "CT"), (SEEN, 500, "CT"))).masses[0]
    assert (late.opposing, same.opposing, same.supporting - late.supporting) == (2, 0, 2)
