"""The HTTP application of one process: notifications, CDS Hooks, health, metrics, keys."""

from dataclasses import asdict
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from emhwatch import __version__
from emhwatch.cds import evidence, page
from emhwatch.cds import routes as cds_routes
from emhwatch.errors import EmhError, FhirError
from emhwatch.fhir import jwks
from emhwatch.fhir.outcome import operation_outcome
from emhwatch.intake import routes as intake_routes
from emhwatch.service import Service
from emhwatch.telemetry.log import log_fault
from emhwatch.telemetry.trace import Traced


def create_app(service: Service) -> ASGIApp:
    """All routes over the open parts of `service`.

    Notifications go past the framework: its layers would cost more than everything else that happens to one.
    """
    notifications, web = Router(intake_routes.create_routes(service.intake.services)), _web(service)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        to = notifications if scope["type"] == "http" and scope["path"].startswith(intake_routes.PATH) else web
        await to(scope, receive, send)

    return Traced(app)


def _web(service: Service) -> FastAPI:
    app = FastAPI(title="emhwatch", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(cds_routes.create_router(service.cds))
    app.include_router(evidence.create_router(service.tables))
    app.include_router(jwks.create_router(service.connection.keys))
    app.include_router(_health(service))
    if service.settings.cds.page:
        app.include_router(page.create_router())

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, _error: RequestValidationError) -> Response:
        # The framework's own answer repeats what was sent.
        return _outcome(EmhError("The request is not valid."), 400)

    @app.exception_handler(Exception)
    async def failed(_request: Request, error: Exception) -> Response:
        log_fault("request failed", error)
        return _outcome(EmhError("The service failed; the failure is in its log."), 500)

    return app


def _outcome(error: EmhError, status: int) -> Response:
    return Response(orjson.dumps(operation_outcome(error)), status, media_type="application/fhir+json")


def _health(service: Service) -> APIRouter:
    router = APIRouter(tags=["Operation"])

    @router.get("/livez", summary="The process answers")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Everything that it needs answers")
    async def ready() -> Response:
        found = await _ready(service)
        body = orjson.dumps(found)
        return Response(body, 200 if found["ready"] else 503, media_type="application/json")

    @router.get("/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        try:
            await service.backlog()
        except EmhError as error:  # the other metrics are still worth having
            log_fault("metrics incomplete", error)
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def _ready(service: Service) -> dict[str, Any]:
    """Each part with `ok` or the code of what is wrong; ready without the FHIR server, since events still arrive."""
    parts: dict[str, Any] = {"tables": service.tables.digest, "intake": service.mode or "starting"}
    keeper = service.intake.keeper
    parts["subscriptions"] = [asdict(one) for one in keeper.report()]
    parts["notified"] = keeper.notified()
    try:
        found = await service.backlog()
        inbox = found.inbox
        parts |= {"store": "ok", "waiting": inbox.waiting, "dead": inbox.dead, "oldest_s": round(inbox.oldest_s, 1)}
        parts["critical_undelivered"] = found.critical_undelivered
    except EmhError as error:
        parts["store"] = error.code
    try:
        await service.connection.client.capabilities()
        parts["fhir"] = "ok"
    except FhirError as error:
        parts["fhir"] = error.code
    return {"ready": parts["store"] == "ok", **parts}
