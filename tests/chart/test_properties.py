"""What must not matter: the unit of a hemoglobin, the day everything is shifted to, how codes are repeated."""

import datetime as dt
import json
import random
import re

import pytest

from emhwatch.chart.model import Chart
from emhwatch.types import Resource
from tests.support.records import (
    ICD10,
    NOW,
    UCUM,
    ago,
    chart,
    code,
    condition,
    drug,
    hb,
    order,
    patient,
    procedure,
    report,
)


def sample(value: float, unit: str, number: int) -> Resource:
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return hb(None, ident=f"h{number}", days=number * 7, valueQuantity=quantity)


def test_h14_units_are_equivalent() -> None:
    chance = random.Random(54)
    for _ in range(200):
        series = [chance.randrange(200, 2500) / 10 for _ in range(4)]
        grams = chart(patient(), *(sample(v, "g/L", n) for n, v in enumerate(series)))
        for unit, per_gram in (("g/dL", 10), ("mmol/L", 16.1)):
            other = chart(patient(), *(sample(v / per_gram, unit, n) for n, v in enumerate(series)))
            assert [v.g_per_l for v in other.hemoglobin] == [
                pytest.approx(v.g_per_l, abs=1e-4) for v in grams.hemoglobin
            ]
            assert [v.days for v in other.hemoglobin] == [v.days for v in grams.hemoglobin]


def test_shifting_all_dates_with_now_changes_nothing_but_the_dates() -> None:
    records = [
        patient(),
        hb(7.2, days=5),
        hb(8.1, ident="h2", days=120),
        condition(code(ICD10, "D56.1"), onsetDateTime=ago(4000)),
        report("Paraspinal mass T10.", days=3),
        report("Paraspinal mass T10.", ident="r0", days=700),
        order(),
        procedure({"text": "Splenectomy"}, days=3000),
        drug(),
    ]
    before = chart(*records, focus="DiagnosticReport/r1")
    for days in (1, 17, 400):
        moved = json.loads(re.sub(r"\d{4}-\d{2}-\d{2}", lambda m, d=days: _later(m[0], d), json.dumps(records)))
        after = chart(*moved, focus="DiagnosticReport/r1", now=NOW + dt.timedelta(days=days))
        assert _distances(after) == _distances(before)


def _later(day: str, days: int) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=days)).isoformat()


def _distances(found: Chart) -> list[tuple[str | None, int | None]]:
    groups = (found.reports, found.hemoglobin, found.disorders, found.orders, found.procedures, found.drugs)
    entries = [entry for group in groups for entry in group]
    return [(e.reference, (found.t - e.days.first).days if e.days else None) for e in entries]


def test_codes_that_say_nothing_new_change_nothing() -> None:
    local = {"system": "urn:local", "code": "77", "display": "something local"}
    plain = hb(7.2)
    more = plain | {"code": {"coding": [local, *plain["code"]["coding"], local]}}
    assert chart(patient(), more).hemoglobin == chart(patient(), plain).hemoglobin
