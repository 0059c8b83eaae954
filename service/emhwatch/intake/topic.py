"""Topic-based notifications of the Subscriptions R5 Backport: a Bundle whose status says what happened. Pure.

The status is `Parameters` (R4) or `SubscriptionStatus` (R4B, R5); the content `empty`, `id-only` or `full-resource`.
Numbers are read and never trusted: some servers count anew in each Bundle or after each restart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emhwatch.errors import FocusForeign, NotificationMalformed
from emhwatch.intake.notification import REFERENCE, Change, Notification, change_of, named_change
from emhwatch.model.shape import obj, objects, text
from emhwatch.types import Resource

_QUIET = frozenset({"handshake", "heartbeat", "query-status"})
_STATUS = frozenset({"Parameters", "SubscriptionStatus"})
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Event:
    number: str | None
    focus: str | None  #: None: the sender does not say which resource it is


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    kind: str
    subscription: str | None
    status: str | None
    total: str | None
    events: tuple[_Event, ...]


def is_topic(bundle: Resource) -> bool:
    """Whether a Bundle is a topic-based notification."""
    return any(obj(entry, "resource").get("resourceType") in _STATUS for entry in objects(bundle, "entry"))


def topic(bundle: Resource, *, base: str) -> Notification:
    """A topic-based notification.

    Args:
        bundle: type `history` (R4) or `subscription-notification` (R4B); the result of `$status` or `$events` too.
        base: base URL of the configured server.

    Raises:
        FocusForeign: a focus is not a resource of the configured server.
        NotificationMalformed: it is no notification.
    """
    entries = objects(bundle, "entry")
    held = next((obj(e, "resource") for e in entries if obj(e, "resource").get("resourceType") in _STATUS), None)
    if held is None:
        raise NotificationMalformed("The Bundle holds no status.", remedy="Send a Backport notification.")
    said = _of_parameters(held) if held["resourceType"] == "Parameters" else _of_status(held)
    numbers = tuple(n for event in said.events if (n := _number(event.number)) is not None)
    changes: dict[_Key, Change] = {}
    if said.kind not in _QUIET:
        changes = _changes([event.focus for event in said.events], entries, base)
    return Notification(
        changes=tuple(changes.values()),
        look=said.kind not in _QUIET and (not changes or any(event.focus is None for event in said.events)),
        kind=said.kind,
        subscription=(said.subscription or "").rstrip("/").rpartition("/")[2] or None,
        status=said.status,
        numbers=numbers,
        total=_number(said.total),
    )


def _changes(focuses: list[str | None], entries: list[Resource], base: str) -> dict[_Key, Change]:
    """The focuses, with what the entries add: version and patient. Entries beyond the focuses are context."""
    changes = {_key(change): change for change in (_focus(focus, base) for focus in focuses if focus)}
    only_focuses = bool(changes)
    for entry in entries:
        resource = obj(entry, "resource")
        if resource.get("resourceType") in (*_STATUS, "OperationOutcome"):
            continue
        found = change_of(resource) if resource else _addressed(entry)
        if found is None or (only_focuses and _key(found) not in changes):
            continue
        changes[_key(found)] = found
    return changes


def _addressed(entry: Resource) -> Change | None:
    """An entry without a resource: its address may carry the version."""
    deleted = text(obj(entry, "request"), "method") == "DELETE"
    for address in (text(entry, "fullUrl"), text(obj(entry, "request"), "url")):
        if named := REFERENCE.fullmatch(address or ""):
            return named_change(named, deleted=deleted)
    return None


def _of_status(status: Resource) -> _Status:
    events = objects(status, "notificationEvent")
    return _Status(
        kind=text(status, "type") or "",
        subscription=text(obj(status, "subscription"), "reference"),
        status=text(status, "status"),
        total=text(status, "eventsSinceSubscriptionStart"),
        events=tuple(_Event(text(e, "eventNumber"), text(obj(e, "focus"), "reference")) for e in events),
    )


def _of_parameters(parameters: Resource) -> _Status:
    given = list(_named(parameters, "parameter"))
    values = dict(reversed(given))
    events = []
    for name, item in given:
        if name == "notificationevent":
            parts = dict(_named(item, "part"))
            focus = text(obj(parts.get("focus", {}), "valueReference"), "reference")
            events.append(_Event(_value(parts.get("eventnumber", {})), focus))
    return _Status(
        kind=text(values.get("type", {}), "valueCode") or "",
        subscription=text(obj(values.get("subscription", {}), "valueReference"), "reference"),
        status=text(values.get("status", {}), "valueCode"),
        total=_value(values.get("eventssincesubscriptionstart", {})),
        events=tuple(events),
    )


def _named(node: Resource, element: str) -> Iterator[tuple[str, Resource]]:
    """Names without hyphens and in lower case: kebab and camel case are both sent."""
    for item in objects(node, element):
        yield (text(item, "name") or "").replace("-", "").lower(), item


def _value(item: Resource) -> str | None:
    """A number under any of the types in which it is sent."""
    return text(item, "valueString") or text(item, "valueInteger") or text(item, "valueUnsignedInt")


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) <= 18 else None


def _focus(reference: str, base: str) -> Change:
    found: re.Match[str] | None = REFERENCE.fullmatch(reference)
    if found is None or (found["base"] and found["base"].rstrip("/") != base.rstrip("/")):
        raise FocusForeign(remedy="Check EMHWATCH_FHIR_BASE_URL and the base URL that the server gives.")
    return named_change(found)


def _key(change: Change) -> _Key:
    return change.resource_type, change.resource_id
