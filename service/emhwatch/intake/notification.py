"""What a notification of a FHIR server says, in all shapes that are met. Pure; trusts nothing but names and numbers.

- classic R4 rest-hook: PUT `{endpoint}/{Type}/{id}` or POST with the resource, DELETE, or POST without a body;
- a Bundle of changed resources, as some servers send it for a classic Subscription;
- Subscriptions R5 Backport, see `topic`.
"""

import re
from dataclasses import dataclass

from emhwatch.errors import NotificationMalformed
from emhwatch.inbox.arrival import Arrival
from emhwatch.model.event import ResourceEvent
from emhwatch.model.shape import obj, objects, text
from emhwatch.types import Resource

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
REFERENCE = re.compile(
    r"(?:(?P<base>https?://\S+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?"
)
_ETAG = re.compile(r'(?:W/)?"?([A-Za-z0-9\-.]{1,64})"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that changed."""

    resource_type: str
    resource_id: str
    version: str | None
    deleted: bool = False
    patient: str | None = None  #: decides the order of work and nothing else

    def arrival(self, server: str, source: str, trace: str = "") -> Arrival:
        """As the inbox takes it."""
        event = ResourceEvent(
            server=server,
            resource_type=self.resource_type,
            resource_id=self.resource_id,
            version=self.version,
            deleted=self.deleted,
        )
        return Arrival(event=event, source=source, patient=self.patient, trace=trace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What was said."""

    changes: tuple[Change, ...] = ()
    look: bool = False  #: something changed and the sender does not say what: look at the server
    kind: str = "rest-hook"  #: or handshake, heartbeat, event-notification, query-status, query-event
    subscription: str | None = None  #: id of the Subscription, as a topic notification names it
    status: str | None = None  #: of the Subscription, as a topic notification says
    numbers: tuple[int, ...] = ()  #: of the events in this notification
    total: int | None = None  #: events since the Subscription started
    answer: Resource | None = None  #: what the sender wants to read back


def classic(method: str, path: str, body: Resource | None) -> Notification:
    """A classic rest-hook; `path` is what follows the endpoint.

    Raises:
        NotificationMalformed: neither the path nor the body names a resource.
    """
    named = REFERENCE.fullmatch(path.strip("/"))
    if named and (body is None or method == "DELETE"):
        return Notification(changes=(named_change(named, deleted=method == "DELETE"),))
    if body is None:
        return Notification(look=True)
    return Notification(changes=(change_of(body),))


def bundled(bundle: Resource) -> Notification:
    """A Bundle of changed resources (HAPI's `subscription-payload-search-criteria`).

    Raises:
        NotificationMalformed: an entry has neither a resource nor the request of a delete.
    """
    found = [entry_change(entry) for entry in objects(bundle, "entry")]
    return Notification(changes=tuple(found), look=not found)


def change_of(resource: Resource) -> Change:
    """The change that a resource stands for, as it was sent or found.

    Raises:
        NotificationMalformed: it has no type or id.
    """
    kind, ident = text(resource, "resourceType"), text(resource, "id")
    if kind is None or not kind.isalpha() or ident is None or not _ID.fullmatch(ident):
        raise NotificationMalformed("The body has no resourceType or id.", remedy="Send the resource as it is stored.")
    subject = text(obj(resource, "subject") or obj(resource, "patient"), "reference")
    named = REFERENCE.fullmatch(subject or "")
    patient = f"Patient/{named['id']}" if named and named["type"] == "Patient" else None
    return Change(
        resource_type=kind, resource_id=ident, version=text(obj(resource, "meta"), "versionId"), patient=patient
    )


def entry_change(entry: Resource) -> Change:
    """The change that an entry of a history or transaction stands for; a delete has no resource.

    Raises:
        NotificationMalformed: it names no resource.
    """
    request = obj(entry, "request")
    if text(request, "method") != "DELETE":
        return change_of(obj(entry, "resource"))
    for url in (text(request, "url"), text(entry, "fullUrl")):
        if named := REFERENCE.fullmatch((url or "").strip("/")):
            etag = _ETAG.fullmatch(text(obj(entry, "response"), "etag") or "")
            version = named["version"] or (etag[1] if etag else None)
            return Change(resource_type=named["type"], resource_id=named["id"], version=version, deleted=True)
    raise NotificationMalformed("A deleted entry names no resource.", remedy="Send request.url as Type/id.")


def named_change(found: re.Match[str], *, deleted: bool = False) -> Change:
    """The change of the resource that a `REFERENCE` names."""
    version = None if deleted else found["version"]
    return Change(resource_type=found["type"], resource_id=found["id"], version=version, deleted=deleted)
