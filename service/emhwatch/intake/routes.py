"""The endpoint that notifies us. 2xx only after the event is durable; refusals are OperationOutcomes and are counted.

/fhir-notification                    Subscriptions made by hand
/fhir-notification/{slot}             one of ours, `pubsub` or `event-grid`; each sender has a secret of its own
.../{Type}/{id}                       below either, where a classic rest-hook puts the resource
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emhwatch.errors import (
    EmhError,
    InboxUnavailable,
    NotificationMalformed,
    SenderThrottled,
    SenderUntrusted,
    SubscriptionUnknown,
)
from emhwatch.fhir.outcome import operation_outcome
from emhwatch.inbox.arrival import Arrival
from emhwatch.intake import body as bodies
from emhwatch.intake import notification
from emhwatch.intake.event_grid import event_grid
from emhwatch.intake.heard import Heard
from emhwatch.intake.limit import RateLimit
from emhwatch.intake.notification import Notification
from emhwatch.intake.oidc import PushToken
from emhwatch.intake.pubsub import pubsub
from emhwatch.intake.senders import HEADER as HEADER
from emhwatch.intake.senders import PATH as PATH
from emhwatch.intake.senders import Senders
from emhwatch.intake.topic import is_topic, topic
from emhwatch.telemetry.trace import current

PUBSUB, EVENT_GRID = "pubsub", "event-grid"
_JSON = "application/fhir+json"
_THANKS = orjson.dumps({"resourceType": "Bundle", "type": "transaction-response"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeServices:
    """What the endpoint needs."""

    server: str  #: name of the configured server
    base_url: str
    senders: Senders
    watched: frozenset[str]  #: resource types
    max_bytes: int
    accept: Callable[[list[Arrival]], Awaitable[list[bool]]]  #: returns when they are durable
    look: Callable[[], None]  #: asks for a search of the server soon
    ours: Callable[[str, str], bool] = lambda _slot, _id: True  #: whether a Subscription is the one of its slot
    heard: Heard = field(default_factory=Heard)
    limit: RateLimit = field(default_factory=lambda: RateLimit(0.0, lambda: 0.0))
    push_token: PushToken | None = None  #: of Pub/Sub; None: it sends the secret
    observe: Callable[[str, str], None] = lambda _kind, _outcome: None
    report: Callable[[BaseException], None] = lambda _error: None  #: an unexpected exception, for the log


def create_routes(services: IntakeServices) -> list[Route]:
    """`PUT`, `POST` and `DELETE` below `/fhir-notification`, and the `OPTIONS` of a CloudEvents webhook."""

    def refused(error: EmhError) -> Response:
        services.observe("refused", error.code)
        body = orjson.dumps(operation_outcome(error))
        return Response(body, status_code=error.status, media_type=_JSON, headers=_retry_after(error))

    async def notify(request: Request) -> Response:
        try:
            said = await _take(services, request, request.path_params.get("path", ""))
        except EmhError as error:
            return refused(error)
        except ClientDisconnect:
            return refused(NotificationMalformed("The body ended before its end."))
        except Exception as error:  # noqa: BLE001 - the edge: the sender hears that its event is not with us
            services.report(error)
            return refused(InboxUnavailable())
        services.observe("accepted", said.kind)
        if said.answer is not None:
            return Response(orjson.dumps(said.answer), media_type="application/json")
        # HAPI sends a Bundle again, 21 times, unless a Bundle comes back with exactly 200.
        return Response(_THANKS if request.method == "POST" else b"", status_code=200, media_type=_JSON)

    async def wanted(request: Request) -> Response:
        """CloudEvents asks whether its events are wanted."""
        try:
            _admit(services, request, EVENT_GRID)
        except EmhError as error:
            return refused(error)
        origin = request.headers.get("webhook-request-origin", "")
        return Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})

    return [
        Route(PATH, notify, methods=["POST", "PUT"]),
        Route(f"{PATH}/{EVENT_GRID}", wanted, methods=["OPTIONS"]),
        Route(PATH + "/{path:path}", notify, methods=["POST", "PUT", "DELETE"]),
    ]


async def _take(services: IntakeServices, request: Request, path: str) -> Notification:
    slot, path = _slot(path)
    if slot == PUBSUB and services.push_token is not None:
        await _admit_token(services, services.push_token, request)
    else:
        _admit(services, request, slot)
    headers = request.headers
    body = await bodies.read(
        request.stream(),
        encoding=headers.get("content-encoding", "").strip().lower(),
        media_type=headers.get("content-type", "").lower(),
        limit=services.max_bytes,
    )
    said = _said(services, slot, request.method, path, body)
    _check_subscription(services, slot, said)
    source = slot if slot in (PUBSUB, EVENT_GRID) else "hook" if said.kind == "rest-hook" else "topic"
    trace, watched = current(), services.watched
    arrivals = [c.arrival(services.server, source, trace) for c in said.changes if c.resource_type in watched]
    if arrivals:
        await services.accept(arrivals)
    if slot:
        services.heard.note(slot, said)
    if said.look:
        services.look()
    return said


def _slot(path: str) -> tuple[str, str]:
    """Name of the sender and what follows it; resource types begin with a capital letter."""
    first, _, rest = path.partition("/")
    return (first, rest) if first[:1].islower() else ("", path)


def _admit(services: IntakeServices, request: Request, slot: str) -> None:
    address = request.client.host if request.client else ""
    given = request.query_params.get("secret", "") if slot in (PUBSUB, EVENT_GRID) else ""
    try:
        services.senders.check(slot, request.headers, address, query_secret=given)
    except (SenderUntrusted, SubscriptionUnknown):
        _throttle(services, f"address {address}")  # a stranger costs the known senders nothing
        raise
    _throttle(services, f"sender {slot}")


async def _admit_token(services: IntakeServices, token: PushToken, request: Request) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not await token.accepted(given.strip()):
        _throttle(services, f"address {request.client.host if request.client else ''}")
        raise SenderUntrusted("The token of the push is missing or wrong.", remedy="Check its account and audience.")
    _throttle(services, f"sender {PUBSUB}")


def _throttle(services: IntakeServices, sender: str) -> None:
    wait_s = services.limit.wait_s(sender)
    if wait_s:
        raise SenderThrottled(wait_s)


def _said(services: IntakeServices, slot: str, method: str, path: str, body: object | None) -> Notification:
    if slot == EVENT_GRID:
        return event_grid(body, base=services.base_url)
    if body is not None and not isinstance(body, dict):
        raise NotificationMalformed("The body is no FHIR resource.", remedy="Send a JSON object.")
    if slot == PUBSUB:
        return pubsub(body or {}, base=services.base_url)
    if body is not None and body.get("resourceType") == "Bundle":
        if body.get("type") in ("transaction", "batch", "collection") and not is_topic(body):
            return notification.bundled(body)
        return topic(body, base=services.base_url)
    return notification.classic(method, path, body)


def _check_subscription(services: IntakeServices, slot: str, said: Notification) -> None:
    """A topic notification names its Subscription: ours, as soon as its id is known, or one made by hand."""
    if said.subscription is None:
        return
    if not (services.ours(slot, said.subscription) if slot else said.subscription in services.senders.by_hand):
        raise SubscriptionUnknown(remedy="List it in EMHWATCH_INTAKE_SUBSCRIPTIONS if it was made by hand.")


def _retry_after(error: EmhError) -> dict[str, str]:
    if isinstance(error, SenderThrottled):
        return {"Retry-After": str(math.ceil(error.retry_after_s))}
    return {"Retry-After": "5"} if isinstance(error, InboxUnavailable) else {}
