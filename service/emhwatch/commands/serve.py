"""Run the service: web and worker in one process.

Examples:
  emhwatch serve                 with the settings of the environment, see deploy/emhwatch.env
  emhwatch serve --no-worker     web only; workers run as `emhwatch worker` on the same PostgreSQL
"""

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine, Iterator
from typing import Any

import uvicorn

from emhwatch.app import create_app
from emhwatch.bootstrap import open_service
from emhwatch.cds.warm import warm
from emhwatch.service import Service
from emhwatch.settings import Settings
from emhwatch.telemetry.log import configure, log

_GRACE_S = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the settings do not say."""
    parser.add_argument("--no-worker", action="store_true", help="accept and answer only")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = Settings.from_environ(os.environ)
    configure(settings.telemetry.log_level)
    run_loop(_serve(settings, work=not arguments.no_worker))
    return 0


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where there is one: a third more requests of the same core."""
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(work)


class Server(uvicorn.Server):
    """Uvicorn that leaves the signals to us: the worker must end as gracefully as the web part."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def listener(service: Service) -> Server:
    """The HTTP server of one process, not started."""
    web = service.settings.web
    return Server(
        uvicorn.Config(
            create_app(service),
            host=web.host,
            port=web.port,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def serve(service: Service, stop: asyncio.Event, *, work: bool) -> None:
    """Web and background loops until `stop`; then both end gracefully."""
    warm(service.tables)
    server = listener(service)
    web = asyncio.create_task(server.serve())
    loops = asyncio.create_task(service.loops(stop, work=work))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({web, loops, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    server.should_exit = True
    await asyncio.gather(web, loops)


async def _serve(settings: Settings, *, work: bool) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with open_service(settings) as service:
        log("service started", version=service.tables.version, digest=service.tables.digest)
        await serve(service, stop, work=work)
    log("service stopped")
