"""Azure Health Data Services: changes of a FHIR service, sent by Event Grid as a webhook. Pure.

A request carries a list of events in the schema of Event Grid, or one event or a list in that of CloudEvents 1.0.
Before the first event Event Grid asks whether the endpoint wants them; it wants its code back.
"""

from urllib.parse import urlsplit

from emhwatch.errors import FocusForeign, NotificationMalformed
from emhwatch.intake.notification import REFERENCE, Change, Notification
from emhwatch.model.shape import obj, text
from emhwatch.types import Resource

_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_CHANGES = {
    "Microsoft.HealthcareApis.FhirResourceCreated": False,
    "Microsoft.HealthcareApis.FhirResourceUpdated": False,
    "Microsoft.HealthcareApis.FhirResourceDeleted": True,
}


def event_grid(body: object, *, base: str) -> Notification:
    """What one request says.

    Args:
        body: list of events, or one.
        base: base URL of the configured FHIR service.

    Raises:
        FocusForeign: an event is of another FHIR service.
        NotificationMalformed: an event names no resource.
    """
    events = body if isinstance(body, list) else [body]
    changes = []
    for event in events:
        if not isinstance(event, dict):
            raise NotificationMalformed("An event is no object.", remedy="Send events of Event Grid.")
        kind = text(event, "eventType") or text(event, "type") or ""
        if kind == _VALIDATION:
            code = text(obj(event, "data"), "validationCode") or ""
            return Notification(kind="handshake", answer={"validationResponse": code})
        if kind in _CHANGES:
            changes.append(_change(obj(event, "data"), base, deleted=_CHANGES[kind]))
    return Notification(changes=tuple(changes), kind="event-grid")


def _change(data: Resource, base: str, *, deleted: bool) -> Change:
    account, kind, ident = (text(data, name) for name in ("resourceFhirAccount", "resourceType", "resourceFhirId"))
    if account is None or account.lower() != (urlsplit(base).hostname or ""):
        raise FocusForeign(remedy="Let only the configured FHIR service send events to this address.")
    if not REFERENCE.fullmatch(f"{kind}/{ident}"):
        raise NotificationMalformed("An event names no resource.", remedy="Send events of a FHIR service.")
    return Change(
        resource_type=kind or "", resource_id=ident or "", version=text(data, "resourceVersionId"), deleted=deleted
    )
