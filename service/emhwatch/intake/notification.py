"""What a notification of a FHIR server says, in all shapes that are met. Pure; trusts nothing but names and numbers.

- classic R4 rest-hook: PUT `{endpoint}/{Type}/{id}` or POST with the resource, DELETE, or POST without a body;
- Subscriptions R5 Backport on R4 and R4B: a Bundle whose first entry is the status (`Parameters` or
  `SubscriptionStatus`), with content `empty`, `id-only` or `full-resource`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emhwatch.errors import NotificationMalformed
from emhwatch.inbox.arrival import Arrival
from emhwatch.model.event import ResourceEvent
from emhwatch.model.shape import obj, objects, text
from emhwatch.types import Resource

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_REFERENCE = re.compile(
    r"(?:(?P<base>https?://\S+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<v>\S{1,64}))?"
)
_QUIET = frozenset({"handshake", "heartbeat"})
_STATUS = frozenset({"Parameters", "SubscriptionStatus"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that changed."""

    resource_type: str
    resource_id: str
    version: str | None
    deleted: bool = False
    patient: str | None = None  #: decides the order of work and nothing else

    def arrival(self, server: str, source: str) -> Arrival:
        """As the inbox takes it."""
        event = ResourceEvent(
            server=server,
            resource_type=self.resource_type,
            resource_id=self.resource_id,
            version=self.version,
            deleted=self.deleted,
        )
        return Arrival(event=event, source=source, patient=self.patient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What was said."""

    changes: tuple[Change, ...] = ()
    look: bool = False  #: something changed and the sender does not say what: look at the server
    kind: str = "rest-hook"  #: or handshake, heartbeat, event-notification, query-status


def classic(method: str, path: str, body: Resource | None) -> Notification:
    """A classic rest-hook; `path` is what follows the endpoint.

    Raises:
        NotificationMalformed: neither the path nor the body names a resource.
    """
    named = _REFERENCE.fullmatch(path.strip("/"))
    if named and (body is None or method == "DELETE"):
        return Notification(changes=(_named(named, deleted=method == "DELETE"),))
    if body is None:
        return Notification(look=True)
    return Notification(changes=(change_of(body),))


def topic(bundle: Resource, *, base: str) -> Notification:
    """A topic-based notification.

    Args:
        bundle: type `history` (R4) or `subscription-notification` (R4B).
        base: base URL of the configured server; a focus on another host is refused.

    Raises:
        NotificationMalformed: it is no notification, or a focus is not on the configured server.
    """
    held = [obj(entry, "resource") for entry in objects(bundle, "entry")]
    if not held or held[0].get("resourceType") not in _STATUS:
        raise NotificationMalformed("Bundle.entry[0] is no status.", remedy="Send a Backport notification.")
    kind, focuses = _status(held[0])
    if kind in _QUIET:
        return Notification(kind=kind)
    changes = {(c.resource_type, c.resource_id): c for c in (_focus(f, base) for f in focuses)}
    for resource in held[1:]:
        if not resource or resource.get("resourceType") in (*_STATUS, "OperationOutcome"):
            continue
        change = change_of(resource)
        if not focuses or (change.resource_type, change.resource_id) in changes:
            changes[(change.resource_type, change.resource_id)] = change
    return Notification(changes=tuple(changes.values()), look=not changes, kind=kind)


def change_of(resource: Resource) -> Change:
    """The change that a resource stands for, as it was sent or found.

    Raises:
        NotificationMalformed: it has no type or id.
    """
    kind, ident = text(resource, "resourceType"), text(resource, "id")
    if kind is None or not kind.isalpha() or ident is None or not _ID.fullmatch(ident):
        raise NotificationMalformed("The body has no resourceType or id.", remedy="Send the resource as it is stored.")
    subject = text(obj(resource, "subject") or obj(resource, "patient"), "reference")
    named = _REFERENCE.fullmatch(subject or "")
    patient = f"Patient/{named['id']}" if named and named["type"] == "Patient" else None
    return Change(
        resource_type=kind, resource_id=ident, version=text(obj(resource, "meta"), "versionId"), patient=patient
    )


def _status(status: Resource) -> tuple[str, list[str]]:
    """Kind of the notification and references of its focuses."""
    if status["resourceType"] == "SubscriptionStatus":
        kind = text(status, "type") or ""
        focuses = [text(obj(event, "focus"), "reference") for event in objects(status, "notificationEvent")]
    else:
        given = list(_named_items(status, "parameter"))
        kind = next((text(item, "valueCode") or "" for name, item in given if name == "type"), "")
        focuses = [
            text(obj(part, "valueReference"), "reference")
            for name, item in given
            if name == "notificationevent"
            for part_name, part in _named_items(item, "part")
            if part_name == "focus"
        ]
    return kind, [focus for focus in focuses if focus]


def _named_items(node: Resource, element: str) -> Iterator[tuple[str, Resource]]:
    """Names without hyphens and in lower case: kebab and camel case are both sent."""
    for item in objects(node, element):
        yield (text(item, "name") or "").replace("-", "").lower(), item


def _focus(reference: str, base: str) -> Change:
    found = _REFERENCE.fullmatch(reference)
    if found is None or (found["base"] and found["base"].rstrip("/") != base.rstrip("/")):
        raise NotificationMalformed("A focus is not a resource of the configured server.", remedy="Check its base URL.")
    return _named(found)


def _named(found: re.Match[str], *, deleted: bool = False) -> Change:
    version = None if deleted else found["v"]
    return Change(resource_type=found["type"], resource_id=found["id"], version=version, deleted=deleted)
