"""What a notification of a FHIR server says, in all shapes that are met. Pure; trusts nothing but names and numbers.

- classic R4 rest-hook: PUT `{endpoint}/{Type}/{id}` or POST with the resource, DELETE, or POST without a body;
- Subscriptions R5 Backport on R4 and R4B: a Bundle whose first entry is the status (`Parameters` or
  `SubscriptionStatus`), with content `empty`, `id-only` or `full-resource`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emhwatch.errors import NotificationMalformed
from emhwatch.types import Resource

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_REFERENCE = re.compile(
    r"(?:(?P<base>https?://\S+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<v>\S{1,64}))?"
)
_QUIET = frozenset({"handshake", "heartbeat"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that changed."""

    resource_type: str
    resource_id: str
    version: str | None
    deleted: bool = False
    patient: str | None = None  #: decides the order of work and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What was said."""

    changes: tuple[Change, ...] = ()
    look: bool = False  #: something changed and the sender does not say what: look at the server
    kind: str = "rest-hook"  #: or handshake, heartbeat, event-notification, query-status
    events: int | None = None  #: `events-since-subscription-start`


def classic(method: str, path: str, body: Resource | None) -> Notification:
    """A classic rest-hook; `path` is what follows the endpoint.

    Raises:
        NotificationMalformed: neither the path nor the body names a resource.
    """
    named = _REFERENCE.fullmatch(path.strip("/"))
    if method == "DELETE" and named:
        return Notification(
            changes=(Change(resource_type=named["type"], resource_id=named["id"], version=None, deleted=True),)
        )
    if body is None:
        if named:
            return Notification(
                changes=(Change(resource_type=named["type"], resource_id=named["id"], version=named["v"]),)
            )
        return Notification(look=True)
    if body.get("resourceType") == "Bundle":
        return topic(body, base="")
    return Notification(changes=(_change(body),))


def topic(bundle: Resource, *, base: str) -> Notification:
    """A topic-based notification.

    Args:
        bundle: type `history` (R4) or `subscription-notification` (R4B).
        base: base URL of the configured server; a focus on another host is refused. Empty: any host is refused
            unless the focus is relative, see `_focus`.

    Raises:
        NotificationMalformed: it is no notification, or a focus is not on the configured server.
    """
    entries = [e for e in _list(bundle.get("entry")) if isinstance(e, dict)]
    status = entries[0].get("resource") if entries else None
    if not isinstance(status, dict) or status.get("resourceType") not in ("Parameters", "SubscriptionStatus"):
        raise NotificationMalformed("Bundle.entry[0] is no status.", remedy="Send a Backport notification.")
    kind, count, focuses = _status(status)
    if kind in _QUIET:
        return Notification(kind=kind, events=count)
    held = [e["resource"] for e in entries[1:] if isinstance(e.get("resource"), dict)]
    changes = {(c.resource_type, c.resource_id): c for c in (_focus(f, base) for f in focuses)}
    for resource in held:
        if resource.get("resourceType") in ("OperationOutcome", "Parameters", "SubscriptionStatus"):
            continue
        change = _change(resource)
        if not focuses or (change.resource_type, change.resource_id) in changes:
            changes[(change.resource_type, change.resource_id)] = change
    return Notification(changes=tuple(changes.values()), look=not changes, kind=kind, events=count)


def _status(status: Resource) -> tuple[str, int | None, list[str]]:
    if status["resourceType"] == "SubscriptionStatus":
        events = [e for e in _list(status.get("notificationEvent")) if isinstance(e, dict)]
        focuses = [f for e in events if (f := _text(e.get("focus"), "reference"))]
        return str(status.get("type", "")), _number(status.get("eventsSinceSubscriptionStart")), focuses
    kind, count, focuses = "", None, []
    for name, item in _parameters(status):
        if name == "type":
            kind = str(item.get("valueCode", ""))
        elif name == "eventssincesubscriptionstart":
            count = _number(item.get("valueString") or item.get("valueInteger64") or item.get("valueInteger"))
        elif name == "notificationevent":
            parts = ({"parameter": item.get("part")},)
            focuses += [
                f
                for p in parts
                for n, i in _parameters(p)
                if n == "focus" and (f := _text(i.get("valueReference"), "reference"))
            ]
    return kind, count, focuses


def _parameters(node: Resource) -> Iterator[tuple[str, Resource]]:
    """Names without hyphens and in lower case: kebab and camel case are both sent."""
    for item in _list(node.get("parameter")):
        if isinstance(item, dict):
            yield str(item.get("name", "")).replace("-", "").lower(), item


def _focus(reference: str, base: str) -> Change:
    found = _REFERENCE.fullmatch(reference)
    if found is None or (found["base"] and found["base"].rstrip("/") != base.rstrip("/")):
        raise NotificationMalformed("A focus is not a resource of the configured server.", remedy="Check its base URL.")
    return _named(found)


def _named(found: re.Match[str], *, deleted: bool = False) -> Change:
    return Change(resource_type=found["type"], resource_id=found["id"], version=found["v"], deleted=deleted)


def _change(resource: Resource) -> Change:
    kind, ident = resource.get("resourceType"), resource.get("id")
    if not isinstance(kind, str) or not isinstance(ident, str) or not _ID.fullmatch(ident) or not kind.isalpha():
        raise NotificationMalformed("The body has no resourceType or id.", remedy="Send the resource as it is stored.")
    meta = resource.get("meta")
    version = _text(meta, "versionId")
    subject = _text(resource.get("subject") or resource.get("patient"), "reference")
    named = _REFERENCE.fullmatch(subject or "")
    patient = f"Patient/{named['id']}" if named and named["type"] == "Patient" else None
    return Change(resource_type=kind, resource_id=ident, version=version, patient=patient)


def _text(node: Any, name: str) -> str | None:  # noqa: ANN401 - JSON
    value = node.get(name) if isinstance(node, dict) else None
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> int | None:  # noqa: ANN401 - JSON
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else None


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else []
