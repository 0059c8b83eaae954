"""The service as `emhwatch serve` opens it from the environment: `served.py accept|work`.

`work` runs the worker too, with stages that do nothing: what is measured is the way from the request through the inbox
to its end, beside a task queue whose task does nothing.
"""

import asyncio
import os
import sys

from emhwatch.bootstrap import open_service
from emhwatch.commands.serve import run_loop, serve, stop_on_signals
from emhwatch.model.event import ResourceEvent
from emhwatch.settings import Settings
from emhwatch.telemetry.log import configure


async def nothing(_event: ResourceEvent) -> None:
    """The stages after the inbox."""


async def main(kind: str) -> None:
    settings = Settings.from_environ(os.environ)
    configure(settings.telemetry.log_level)
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with open_service(settings) as service:
        service.worker.work = nothing
        await serve(service, stop, work=kind == "work")


if __name__ == "__main__":
    run_loop(main(sys.argv[1]))
