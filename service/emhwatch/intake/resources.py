"""The Subscriptions and topics that the service makes on a FHIR server. Pure.

A classic R4 Subscription names a search; one of the R5 Backport names a topic, here one of ours. In R4 a topic is a
`Basic` with the cross-version extensions of SubscriptionTopic; servers read the trigger under the canonical of 4.3 or
of 5.0, so it stands there under both.
"""

from dataclasses import dataclass
from datetime import datetime

from emhwatch.intake.watch import Watch
from emhwatch.model.shape import obj, objects, text
from emhwatch.types import Resource

CLASSIC, TOPIC = "rest-hook", "topic"
#: Ours are found by this tag; the endpoint tells two installations apart.
TAG = {"system": "urn:emhwatch:subscription", "code": "emhwatch"}
TOPIC_CODE = {"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE = _BACKPORT + "backport-subscription"
HEARTBEAT = _BACKPORT + "backport-heartbeat-period"
_TOPIC_5_0 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
_TOPIC_4_3 = "http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic."
_CANONICAL = "https://emhwatch.example/fhir/SubscriptionTopic/"
_JSON = "application/fhir+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One Subscription as it should stand."""

    watch: Watch
    kind: str  #: CLASSIC or TOPIC
    endpoint: str
    header: str  #: `Name: value`, the form that senders split
    topic: str = ""  #: canonical
    content: str = "id-only"  #: of topic notifications
    heartbeat_s: int = 0  #: 0: none is asked for

    @property
    def slot(self) -> str:
        """Name below the endpoint of the installation."""
        return slot(self.kind, self.watch)

    def resource(self, end: datetime | None) -> Resource:
        """The Subscription to create or to put."""
        channel: Resource = {
            "type": "rest-hook",
            "endpoint": self.endpoint,
            "payload": _JSON,
            "header": [self.header],
        }
        found: Resource = {
            "resourceType": "Subscription",
            "meta": {"tag": [TAG]},
            "status": "requested",
            "reason": f"Changes of {self.watch.resource_type} for emhwatch",
            "criteria": self.watch.criteria,
            "channel": channel,
        }
        if end is not None:
            found["end"] = end.isoformat(timespec="seconds")
        if self.kind == TOPIC:
            found["meta"]["profile"] = [PROFILE]
            found["criteria"] = self.topic
            # The form `Type?search` is the one that both HAPI and the Backport's examples know; HAPI requires a filter.
            found["_criteria"] = _extended(_BACKPORT + "backport-filter-criteria", "valueString", self.watch.criteria)
            channel["_payload"] = _extended(_BACKPORT + "backport-payload-content", "valueCode", self.content)
            if self.heartbeat_s:
                channel |= _extended(HEARTBEAT, "valueUnsignedInt", self.heartbeat_s)
        return found

    def fits(self, found: Resource) -> bool:
        """Whether a Subscription on the server says what it should, whatever its state."""
        mine, channel = self.resource(None), obj(found, "channel")
        return (
            text(found, "criteria") == mine["criteria"]
            and [text(e, "valueString") for e in objects(obj(found, "_criteria"), "extension")]
            == [text(e, "valueString") for e in objects(obj(mine, "_criteria"), "extension")]
            and self.header in (channel.get("header") or [])
            and _content(channel) == _content(mine["channel"])
        )


def slot(kind: str, watch: Watch) -> str:
    """Name of a Subscription of ours: begins in lower case, so that no resource type looks like it."""
    return f"{'topic' if kind == TOPIC else 'hook'}-{watch.resource_type.lower()}"


def canonical(watch: Watch) -> str:
    """Of our own topic for the type."""
    return _CANONICAL + watch.resource_type.lower()


def topic_resource(watch: Watch) -> Resource:
    """Our topic for the type: every change of it."""
    trigger = [
        {"url": "description", "valueMarkdown": f"A {watch.resource_type} was created, changed or deleted."},
        {"url": "resource", "valueUri": watch.resource_type},
        *({"url": "supportedInteraction", "valueCode": code} for code in ("create", "update", "delete")),
    ]
    filters = [
        {
            "url": _TOPIC_5_0 + "canFilterBy",
            "extension": [
                {"url": "resource", "valueUri": watch.resource_type},
                {"url": "filterParameter", "valueString": name},
            ],
        }
        for name in dict.fromkeys(("patient", "status", *(name for name, _ in watch.params)))
    ]
    title = f"Changes of {watch.resource_type}"
    return {
        "resourceType": "Basic",
        "meta": {"tag": [TAG]},
        "modifierExtension": [{"url": _TOPIC_5_0 + "status", "valueCode": "active"}],
        "extension": [
            {"url": _TOPIC_5_0 + "url", "valueUri": canonical(watch)},
            {"url": _TOPIC_5_0 + "version", "valueString": "1"},
            {"url": _TOPIC_5_0 + "name", "valueString": f"Changes{watch.resource_type}"},
            {"url": _TOPIC_5_0 + "title", "valueString": title},
            {"url": _TOPIC_4_3 + "resourceTrigger", "extension": trigger},
            {"url": _TOPIC_5_0 + "resourceTrigger", "extension": trigger},
            *filters,
        ],
        "code": {"coding": [TOPIC_CODE], "text": title},
    }


def topic_url(basic: Resource) -> str | None:
    """Canonical of a topic on the server."""
    urls = [text(e, "valueUri") for e in objects(basic, "extension") if text(e, "url") == _TOPIC_5_0 + "url"]
    return urls[0] if urls else None


def _extended(url: str, name: str, value: object) -> Resource:
    return {"extension": [{"url": url, name: value}]}


def _content(channel: Resource) -> list[str | None]:
    return [text(e, "valueCode") for e in objects(obj(channel, "_payload"), "extension")]
