"""HTTP of CDS Hooks: discovery, services, feedback, CORS. Every refusal is an OperationOutcome without sent values."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from emhwatch.cds.clients import Client
from emhwatch.cds.discovery import service_list, services_of
from emhwatch.cds.feedback import FeedbackStore, parse_feedback
from emhwatch.cds.request import parse_request
from emhwatch.cds.service import Answer, CdsService
from emhwatch.cds.trust import Trust
from emhwatch.errors import BodyTooLarge, CdsFailed, CdsOverloaded, EmhError, HookRequestInvalid, HookUnknown
from emhwatch.fhir.outcome import operation_outcome
from emhwatch.settings import CdsSettings
from emhwatch.tables.clients import Hook

PREFIX = "/cds-services"
_RETRY_AFTER_S = 1
_CORS_AGE_S = 600
_MAX_DEPTH = 60  #: far above any FHIR resource
_BODY_S = 5.0  #: a slow sender may not hold a place for longer


@dataclass(frozen=True, slots=True, kw_only=True)
class CdsServices:
    """What the routes need; `cds.assembly.assemble` makes it from the settings."""

    settings: CdsSettings
    service: CdsService
    feedback: FeedbackStore
    trust: Trust
    #: Called after each request with service, client, status and seconds; for metrics.
    observe: Callable[["Observed"], None] = lambda _: None
    #: Called with an unexpected exception; for logs without PHI.
    report: Callable[[BaseException], None] = lambda _: None
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One finished request."""

    service: str  #: a configured id, or "" for an unknown one
    client: str
    status: int
    seconds: float
    row: str
    card: str
    silence: str


class _Capacity:
    """Counts requests in work; more than the limit are refused at once instead of waiting into a time-out."""

    def __init__(self, limit: int) -> None:
        self._limit, self._busy = limit, 0

    def __enter__(self) -> None:
        if self._busy >= self._limit:
            raise CdsOverloaded()
        self._busy += 1

    def __exit__(self, *_: object) -> None:
        self._busy -= 1


def create_router(services: CdsServices) -> APIRouter:
    """Routes below `/cds-services`."""
    router = APIRouter(prefix=PREFIX, tags=["CDS Hooks"])
    handler = _Handler(services)

    @router.get("", summary="Discovery", openapi_extra=_ANSWERS)
    async def discovery(request: Request) -> Response:
        return await handler.discovery(request)

    @router.post("/{service_id}", summary="Call a service", openapi_extra=_ANSWERS | _BODY)
    async def call(service_id: str, request: Request) -> Response:
        return await handler.call(service_id, request)

    @router.post("/{service_id}/feedback", summary="Feedback on cards", openapi_extra=_ANSWERS | _BODY)
    async def feedback(service_id: str, request: Request) -> Response:
        return await handler.feedback(service_id, request)

    @router.options("", include_in_schema=False)
    @router.options("/{path:path}", include_in_schema=False)
    async def preflight(request: Request) -> Response:
        return Response(status_code=204, headers=handler.cors(request))

    return router


class _Handler:
    """The requests of one application."""

    def __init__(self, services: CdsServices) -> None:
        self._s = services
        self._settings = services.settings
        self._monotonic = services.service.monotonic
        self._hooks = services_of(services.service.tables.clients, self._settings)
        self._capacity = _Capacity(self._settings.max_concurrent)
        self._origins = frozenset(self._settings.origins)
        self._base = self._settings.public_url.rstrip("/") + PREFIX

    async def discovery(self, request: Request) -> Response:
        """The services that this client may call."""

        async def work(_: bytes, client: Client) -> tuple[dict[str, Any], Answer | None]:
            return service_list(self._s.service.tables.clients, self._settings, client), None

        return await self._run(request, "", self._base, work)

    async def call(self, service_id: str, request: Request) -> Response:
        """Cards for one hook."""

        async def work(body: bytes, client: Client) -> tuple[dict[str, Any], Answer | None]:
            hooks = self._known(service_id, client)
            content = _json(body)
            try:
                asked = parse_request(content, hooks, client.profile)
                answer = await self._s.service.answer(service_id, asked, client, size=len(body))
            except (CdsFailed, RecursionError):
                if _depth(content) > _MAX_DEPTH:
                    raise HookRequestInvalid("The body is nested too deeply.") from None
                raise
            return {"cards": answer.cards}, answer

        return await self._run(request, service_id, f"{self._base}/{service_id}", work)

    async def feedback(self, service_id: str, request: Request) -> Response:
        """Keep what clinicians did with cards."""

        async def work(body: bytes, client: Client) -> tuple[dict[str, Any], Answer | None]:
            self._known(service_id, client)
            answers = parse_feedback(_json(body))
            await self._s.feedback.keep(service_id, client.id, answers)
            return {"received": len(answers)}, None  # some clients take an empty body for a failure

        return await self._run(request, service_id, f"{self._base}/{service_id}/feedback", work)

    def cors(self, request: Request) -> dict[str, str]:
        """Headers for a browser client of a configured origin, none for others."""
        origin = request.headers.get("origin")
        if origin is None or origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Expose-Headers": "X-Emhwatch-Silence, Retry-After",
            "Access-Control-Max-Age": str(_CORS_AGE_S),
            "Vary": "Origin",
        }

    def _known(self, service_id: str, client: Client) -> Mapping[str, Hook]:
        hooks = {name: hook for name, hook in self._hooks.get(service_id, {}).items() if name in client.hooks}
        if not hooks:
            raise HookUnknown()
        return hooks

    async def _run(
        self,
        request: Request,
        service_id: str,
        audience: str,
        work: Callable[[bytes, Client], Awaitable[tuple[dict[str, Any], Answer | None]]],
    ) -> Response:
        started = self._monotonic()
        client_id, answer, headers = "", None, self.cors(request)
        try:
            with self._capacity:
                body = await self._body(request)
                client = await self._s.trust.check(request.headers.get("authorization"), audience=audience, body=body)
                client_id = client.id
                content, answer = await work(body, client)
            status = 200
            if self._settings.debug_header and answer and answer.silence:
                headers["X-Emhwatch-Silence"] = answer.silence
        except EmhError as error:
            status, content = error.status, operation_outcome(error)
            headers |= {"Retry-After": str(_RETRY_AFTER_S)} if status == 503 else {}
            headers |= {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        except Exception as error:  # noqa: BLE001 - the edge: nothing of the request may reach the client or the log
            self._s.report(error)
            status, content = CdsFailed.status, operation_outcome(CdsFailed())
        self._s.observe(
            Observed(
                service=service_id if service_id in self._hooks else "",
                client=client_id,
                status=status,
                seconds=self._monotonic() - started,
                row=answer.assessment.row if answer and answer.assessment else "",
                card=answer.cards[0]["source"]["topic"]["display"] if answer and answer.cards else "",
                silence=answer.silence if answer else "",
            )
        )
        return Response(orjson.dumps(content), status, headers, "application/json")

    async def _body(self, request: Request) -> bytes:
        limit = self._settings.max_body_kib * 1024
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise BodyTooLarge()
        chunks, size = [], 0
        try:
            async with asyncio.timeout(_BODY_S):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limit:
                        raise BodyTooLarge()
                    chunks.append(chunk)
        except TimeoutError:
            raise HookRequestInvalid("The body did not arrive in time.") from None
        return b"".join(chunks)


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HookRequestInvalid("The body is not JSON.") from None


def _depth(content: object) -> int:
    """How deep a JSON value is nested."""
    depth, level = 0, [content]
    while level:
        depth += 1
        parts = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [inner for part in parts for inner in part]
    return depth


_OUTCOME = {"description": "OperationOutcome: what is wrong", "content": {"application/json": {"schema": {}}}}
_ANSWERS: dict[str, Any] = {
    "responses": {
        "200": {"description": "JSON", "content": {"application/json": {"schema": {"type": "object"}}}},
        **{str(status): _OUTCOME for status in (400, 401, 404, 412, 413, 500, 503)},
    },
    "security": [{}, {"cdsClient": []}],
}
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
