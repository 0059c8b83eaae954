"""The endpoint that a FHIR server notifies. 2xx only after the event is durable; refusals are OperationOutcomes."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from fastapi import APIRouter, Request, Response

from emhwatch.errors import BodyTooLarge, EmhError, InboxUnavailable, NotificationMalformed, SenderUntrusted
from emhwatch.fhir.outcome import operation_outcome
from emhwatch.inbox.arrival import Arrival
from emhwatch.intake import notification
from emhwatch.intake.notification import Notification
from emhwatch.types import Resource

PATH = "/fhir-notification"
HEADER = "X-Emhwatch-Secret"
_JSON = "application/fhir+json"
_THANKS = orjson.dumps({"resourceType": "Bundle", "type": "transaction-response"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeServices:
    """What the endpoint needs."""

    server: str  #: name of the configured server
    base_url: str
    secret: str
    watched: frozenset[str]  #: resource types
    max_bytes: int
    accept: Callable[[list[Arrival]], Awaitable[None]]  #: returns when they are durable
    look: Callable[[], None]  #: asks for a search of the server soon
    observe: Callable[[str, str], None] = lambda _kind, _outcome: None


def create_router(services: IntakeServices) -> APIRouter:
    """`PUT`, `POST` and `DELETE` below `/fhir-notification`."""
    router = APIRouter(tags=["FHIR notifications"])

    @router.api_route(PATH, methods=["POST", "PUT"])
    @router.api_route(PATH + "/{path:path}", methods=["POST", "PUT", "DELETE"])
    async def notify(request: Request, path: str = "") -> Response:
        try:
            kind = await _take(services, request, path)
        except EmhError as error:
            services.observe("refused", error.code)
            headers = {"Retry-After": "5"} if error.status == InboxUnavailable.status else {}
            body = orjson.dumps(operation_outcome(error))
            return Response(body, status_code=error.status, media_type=_JSON, headers=headers)
        services.observe("accepted", kind)
        # HAPI sends a Bundle again, 21 times, unless a Bundle comes back with exactly 200.
        return Response(_THANKS if request.method == "POST" else b"", status_code=200, media_type=_JSON)

    return router


async def _take(services: IntakeServices, request: Request, path: str) -> str:
    given = request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(), services.secret.encode()):
        raise SenderUntrusted("The secret is missing or wrong.", remedy=f"Send the header {HEADER}.")
    said = _parsed(services, request.method, path, await _body(request, services.max_bytes))
    source = "hook" if said.kind == "rest-hook" else "topic"
    arrivals = [
        change.arrival(services.server, source) for change in said.changes if change.resource_type in services.watched
    ]
    if arrivals:
        await services.accept(arrivals)
    if said.look:
        services.look()
    return said.kind


def _parsed(services: IntakeServices, method: str, path: str, raw: bytes) -> Notification:
    body: Resource | None = None
    if raw.strip():
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise NotificationMalformed(
                "The body is not JSON.", remedy="Set channel.payload to application/fhir+json."
            ) from None
        if not isinstance(body, dict):
            raise NotificationMalformed("The body is no FHIR resource.", remedy="Send a JSON object.")
    if body is not None and body.get("resourceType") == "Bundle":
        return notification.topic(body, base=services.base_url)
    return notification.classic(method, path, body)


async def _body(request: Request, limit: int) -> bytes:
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > limit:
            raise BodyTooLarge()
    return bytes(parts)
