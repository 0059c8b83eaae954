"""Validation: what R4 does not allow is named by element, never by value."""

from typing import Any

import pytest

from emhwatch.errors import FhirInvalidResource
from emhwatch.fhir.r4b import check, problems

GOOD: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


def test_a_good_resource_passes_unchanged() -> None:
    assert problems(GOOD) == () and check(GOOD) is GOOD


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"status": "done"}, "Observation.status"),
        ({"derivedFrom": [{"reference": "DiagnosticReport/1"}]}, "Observation.derivedFrom"),
        ({"derivedFrom": [{"reference": "https://x.example/fhir/Condition/1/_history/2"}]}, "Observation.derivedFrom"),
        ({"note": []}, "Observation.note"),
        ({"valueString": ""}, "Observation.valueString"),
        (
            {"component": [{"code": {"text": "a"}, "interpretation": [{}]}]},
            "Observation.component[0].interpretation[0]",
        ),
        ({"secretary": "Jane"}, "Observation.secretary"),
        ({"effectiveDateTime": "Jane"}, "Observation.effectiveDateTime"),
        ({"valueString": "a", "valueInteger": 1}, "Observation"),
        (
            {"text": {"status": "made-up", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}},
            "Observation.text.status",
        ),
    ],
)
def test_each_fault_is_named_by_its_element(change: dict[str, Any], element: str) -> None:
    found = problems({**GOOD, **change})
    assert any(problem.startswith(element) for problem in found), found
    with pytest.raises(FhirInvalidResource) as raised:
        check({**GOOD, **change})
    assert "Jane" not in str(raised.value)


@pytest.mark.parametrize(
    "change", [{"derivedFrom": [{"reference": "urn:uuid:1"}]}, {"derivedFrom": [{"reference": "ImagingStudy/1"}]}]
)
def test_what_r4_allows_is_allowed(change: dict[str, Any]) -> None:
    assert problems({**GOOD, **change}) == ()


@pytest.mark.parametrize(
    "resource", [{}, {"resourceType": "SubscriptionTopic"}, {"resourceType": "Nonsense"}, {"resourceType": 3}]
)
def test_types_that_r4_does_not_have(resource: dict[str, Any]) -> None:
    assert problems(resource) == ("resourceType: not a resource type of FHIR R4",)


def test_inside_a_bundle() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": {**GOOD, "status": "done"}, "request": {"method": "POST", "url": "Observation"}}],
    }
    assert problems(bundle) == ("Bundle.entry[0].resource.status: code not in the required value set",)
