"""What was found valid for one patient is not asked again for another, and hides no fault."""

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from emhwatch.assess.evaluate import evaluate
from emhwatch.demo.patients import DemoPatient, demo_patients, with_subject
from emhwatch.fhir import r4b
from emhwatch.fhir.typical import typical
from emhwatch.publish.observation import build
from emhwatch.tables.load import load_tables
from emhwatch.types import Resource

ODD: tuple[Any, ...] = (
    *("", " ", "a b", "a  b", "Patient/", "patient/1", "Patient/a b", "Nonsense/1", "Condition/1/_history/2"),
    *("2026-02-30", "2026-01-05", "2026-01-05T10:00:00", "2026-01-05T10:00:00+15:00", "2026-01-05T25:00:00Z"),
    *("urn:uuid:1", "urn:uuid:6f9d1a30-3b52-5e7c-9a44-6f2f6f3f1f0e", "6f9d1a30-3b52-5e7c-9a44-6f2f6f3f1f0e"),
    *(0, -1, 2**31, 1.5, True, None, [], {}, [{}], {"reference": "Patient/1"}, "\u0001", "entered-in-error"),
)


def made(patient: DemoPatient) -> list[Resource]:
    tables = load_tables()
    owner, focus = "Patient/p", "DiagnosticReport/r0"
    own = [with_subject(r, owner) for r in (*patient.chart, *patient.studies)]
    resources = [{**r, "id": f"c{number}", "meta": {"versionId": "1"}} for number, r in enumerate(own)]
    reports = [{**with_subject(r, owner), "id": f"r{number}"} for number, r in enumerate(reversed(patient.reports))]
    resources += [{**patient.patient, "id": "p"}, *reports]
    found = evaluate(resources, focus=focus, patient=owner, now=datetime(2026, 1, 5, tzinfo=UTC), tables=tables)
    return build(found, tables)


def leaves(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a node."""
    steps = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    return [place for key, value in steps for place in [(node, key), *leaves(value)]]


@pytest.mark.parametrize("seed", range(40))
def test_a_fault_is_found_whatever_was_valid_before(seed: int) -> None:
    chance = random.Random(seed)
    resources = made(demo_patients()[seed % 8])
    for resource in resources:
        assert r4b.problems(resource) == ()
    for resource in chance.sample(resources, min(4, len(resources))):
        model = r4b._model(resource["resourceType"])
        assert model is not None
        for _ in range(5):
            changed = copy.deepcopy(resource)
            container, key = chance.choice([place for place in leaves(changed) if place[1] != "resourceType"])
            container[key] = chance.choice(ODD)
            assert bool(r4b.problems(changed)) == bool(r4b._problems(changed, model)), (key, container[key])


def test_another_patient_of_the_same_kind_is_not_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    patient = demo_patients()[0]
    first = made(patient)
    for resource in first:
        r4b.check(resource)
    monkeypatch.setattr(r4b, "_problems", lambda *_: pytest.fail("validated again"))
    text = {"DiagnosticReport/": "DiagnosticReport/x-", "2026-01-05": "2027-03-01"}
    for resource in made(patient):
        for container, key in leaves(resource):
            if isinstance(container[key], str):
                for old, new in text.items():
                    container[key] = container[key].replace(old, new)
        r4b.check(resource)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"reference": "Patient/1"}, {"reference": "Group/1"}),
        ({"start": "2026-01-05"}, {"start": "2026-01-05T10:00:00Z"}),
        ({"instant": "2026-01-05T10:00:00Z"}, {"instant": "2026-02-30T10:00:00Z"}),
        ({"valueString": "a"}, {"valueString": " "}),
        ({"code": "a b"}, {"code": "a  b"}),
        ({"valueInteger": 1}, {"valueInteger": True}),
        ({"valueInteger": 1}, {"valueInteger": -1}),
        ([], [1]),
    ],
)
def test_what_may_matter_is_kept_apart(one: Any, other: Any) -> None:
    assert repr(typical(one)) != repr(typical(other))
