"""The same work with procrastinate: `procrastinate_peer.py accept|work PORT DSN`, run by a Python that has it.

An HTTP endpoint on the same server software that parses the notification and defers one job, known by the key of the
event (`queueing_lock`) and in order within the patient (`lock`); it answers when the job is durable. `work` runs
procrastinate's worker in the same process, woken by its LISTEN, with a task that does nothing.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator

import orjson
import procrastinate
import uvicorn
import uvloop
from procrastinate.exceptions import AlreadyEnqueued
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KIND, PORT, DSN = sys.argv[1], int(sys.argv[2]), sys.argv[3]
queue = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=DSN, min_size=10, max_size=10))


@queue.task(name="event", queue="inbox")
async def event(key: str) -> None:
    """The stages after the queue."""


async def notify(request: Request) -> Response:
    body = orjson.loads(await request.body())
    key = f"{body['resourceType']}/{body['id']}/{body['meta']['versionId']}"
    with contextlib.suppress(AlreadyEnqueued):
        await event.configure(queueing_lock=key, lock=body["subject"]["reference"]).defer_async(key=key)
    return Response(b"", media_type="application/fhir+json")


@contextlib.asynccontextmanager
async def opened(_app: Starlette) -> AsyncIterator[None]:
    async with queue.open_async():
        worker = None
        if KIND == "work":
            run = queue.run_worker_async(concurrency=8, install_signal_handlers=False, delete_jobs="never")
            worker = asyncio.create_task(run)
        yield
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


async def schema() -> None:
    async with queue.open_async():
        await queue.schema_manager.apply_schema_async()


if __name__ == "__main__":
    if KIND == "schema":
        uvloop.run(schema())
    else:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        path = "/fhir-notification/{rest:path}"
        app = Starlette(routes=[Route(path, notify, methods=["PUT"])], lifespan=opened)
        uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", access_log=False)
