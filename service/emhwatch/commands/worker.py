"""Run a worker replica on the data store that the web replicas fill.

Example:
  emhwatch worker
"""

import argparse
import asyncio
import os

from emhwatch.bootstrap import open_service
from emhwatch.commands.serve import run_loop, stop_on_signals
from emhwatch.settings import Settings
from emhwatch.telemetry.log import configure, log


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """A worker has settings only."""


def run(_arguments: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT."""
    settings = Settings.from_environ(os.environ)
    configure(settings.telemetry.log_level)
    run_loop(_work(settings))
    return 0


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with open_service(settings) as service:
        log("worker started", version=service.tables.version, digest=service.tables.digest)
        await service.work(stop)
    log("worker stopped")
