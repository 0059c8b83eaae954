"""What notifications say, in every shape that servers send."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emhwatch.errors import NotificationMalformed
from emhwatch.intake.notification import Change, classic
from emhwatch.intake.topic import topic

BASE = "http://fhir.example/r4"
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "meta": {"versionId": "3"},
    "subject": {"reference": "Patient/p1"},
}


def parameters(kind: str, *focuses: str, kebab: bool = True) -> dict[str, Any]:
    event, since = ("notification-event", "events-since-subscription-start")
    if not kebab:
        event, since = "notificationEvent", "eventsSinceSubscriptionStart"
    events = [{"name": event, "part": [{"name": "focus", "valueReference": {"reference": f}}]} for f in focuses]
    head = [{"name": "type", "valueCode": kind}, {"name": since, "valueString": str(len(focuses))}]
    return {"resourceType": "Parameters", "parameter": [*head, *events]}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "history", "entry": [{"resource": r} for r in resources]}


def test_classic_put_with_the_resource() -> None:
    said = classic("PUT", "DiagnosticReport/r1", REPORT)
    assert said.changes == (
        Change(resource_type="DiagnosticReport", resource_id="r1", version="3", patient="Patient/p1"),
    )


def test_classic_without_a_body() -> None:
    assert classic("POST", "", None).look
    assert classic("PUT", "DiagnosticReport/r1", None).changes == (
        Change(resource_type="DiagnosticReport", resource_id="r1", version=None),
    )
    assert classic("DELETE", "/DiagnosticReport/r1", None).changes[0].deleted


@pytest.mark.parametrize("kebab", [True, False])
@pytest.mark.parametrize(
    "focus", ["DiagnosticReport/r1", f"{BASE}/DiagnosticReport/r1", "DiagnosticReport/r1/_history/3"]
)
def test_topic_id_only(focus: str, kebab: bool) -> None:
    said = topic(bundle(parameters("event-notification", focus.format("DiagnosticReport/r1"), kebab=kebab)), base=BASE)
    assert [(c.resource_type, c.resource_id) for c in said.changes] == [("DiagnosticReport", "r1")]
    assert (said.kind, said.look) == ("event-notification", False)


def test_topic_full_resource_brings_the_version() -> None:
    said = topic(bundle(parameters("event-notification", "DiagnosticReport/r1"), REPORT), base=BASE)
    assert [c.version for c in said.changes] == ["3"]


def test_topic_empty_asks_to_look() -> None:
    assert topic(bundle(parameters("event-notification")), base=BASE).look


@pytest.mark.parametrize("kind", ["handshake", "heartbeat"])
def test_handshake_and_heartbeat_change_nothing(kind: str) -> None:
    said = topic(bundle(parameters(kind)), base=BASE)
    assert (said.changes, said.look, said.kind) == ((), False, kind)


def test_status_of_r4b() -> None:
    status = {
        "resourceType": "SubscriptionStatus",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": "12",
        "notificationEvent": [{"eventNumber": "12", "focus": {"reference": "ImagingStudy/s1"}}],
    }
    said = topic(bundle(status), base=BASE)
    assert said.changes[0].resource_type == "ImagingStudy"


@pytest.mark.parametrize(
    "body",
    [
        bundle(),
        bundle(REPORT),
        bundle(parameters("event-notification", "http://elsewhere.example/r4/DiagnosticReport/r1")),
        bundle(parameters("event-notification", "not a reference")),
    ],
)
def test_h01_what_is_no_notification_of_our_server_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(NotificationMalformed):
        topic(body, base=BASE)


def test_a_resource_without_an_id_is_refused() -> None:
    with pytest.raises(NotificationMalformed):
        classic("POST", "", {"resourceType": "DiagnosticReport"})


NAMES = ["resource", "entry", "parameter", "part", "name", "id", "meta"]
json_like = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["resourceType", "type", "entry", "id", "subject", "meta"]), json_like))
def test_no_body_ends_in_anything_but_a_named_error(body: dict[str, Any]) -> None:
    for call in (lambda: topic(body, base=BASE), lambda: classic("POST", "", body)):
        try:
            call()
        except NotificationMalformed as error:
            assert error.code == "notification-malformed"
