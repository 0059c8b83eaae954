"""`emhwatch serve` that ends itself by SIGKILL at a named step; an entry point of the proofs, no part of the product.

    python -m tests.proofs.dying [STEP NUMBER] [--without GUARD] [--as NAME] [--lease S] [--clock S] [--pages N]

It dies the NUMBER-th time that it comes to STEP. `--without` takes one guard out, for the control of the proof:
`durability` answers before the event is stored, `ledger` writes without looking at what it has written before.
Leases are short here, so that what a dead process held is free soon. `--clock` sets the clock of this process off by
so many seconds; `--pages` is the size of the disk of its SQLite file, in pages.
"""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, event

from emhwatch import bootstrap
from emhwatch.commands.serve import run_loop, serve, stop_on_signals
from emhwatch.errors import EmhError
from emhwatch.inbox.arrival import Arrival
from emhwatch.model.assessment import Assessment
from emhwatch.model.event import ResourceEvent
from emhwatch.pipeline import Pipeline
from emhwatch.publish.observation import build_set
from emhwatch.publish.writer import FhirPublisher
from emhwatch.service import Service
from emhwatch.settings import Settings
from emhwatch.telemetry.log import configure

STEPS = ("received", "stored", "claimed", "fetched", "decided", "written", "confirmed")
LEASE_S = 2.0
P = ParamSpec("P")
T = TypeVar("T")


class Fate:
    """When this process dies."""

    def __init__(self, step: str, number: int) -> None:
        self.step, self.left = step, number

    def reached(self, step: str) -> None:
        """Die if it is time; nothing after this line runs, no handler, no flush."""
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def before(self, step: str, call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """The call, with death right before it."""

        async def mortal(*args: P.args, **kwargs: P.kwargs) -> T:
            self.reached(step)
            return await call(*args, **kwargs)

        return mortal

    def after(self, step: str, call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """The call, with death right after it."""

        async def mortal(*args: P.args, **kwargs: P.kwargs) -> T:
            done = await call(*args, **kwargs)
            self.reached(step)
            return done

        return mortal


class Proxy:
    """An object with some of its methods replaced."""

    def __init__(self, of: Any, **methods: Any) -> None:
        self._of, self._methods = of, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._of, name)


def doom(service: Service, fate: Fate, without: str, lease_s: float) -> None:
    """Put death at every step of the open service."""
    accept = service.intake.services.accept
    if without == "durability":
        accept = _careless(accept)
    accept = fate.after("stored", fate.before("received", accept))
    service.intake = replace(service.intake, services=replace(service.intake.services, accept=accept))
    publisher = service.publisher
    publisher.lease_s = service.worker.lease_s = lease_s
    publish = _naive(publisher) if without == "ledger" else publisher.publish
    server = publisher.server
    publisher.server = Proxy(server, transaction=fate.after("written", server.transaction))
    stages: Pipeline = service.worker.work.__self__  # type: ignore[attr-defined]  # the pipeline's own method
    stages = replace(
        stages,
        fetcher=Proxy(stages.fetcher, fetch=fate.after("fetched", stages.fetcher.fetch)),
        publisher=Proxy(publisher, publish=fate.after("confirmed", fate.before("decided", publish))),
    )
    service.worker.work = fate.before("claimed", stages.run)


def _careless(accept: Callable[[list[Arrival]], Awaitable[list[bool]]]) -> Callable[[list[Arrival]], Any]:
    later: set[asyncio.Task[Any]] = set()

    async def answered_first(arrivals: list[Arrival]) -> list[bool]:
        async def store() -> None:
            await asyncio.sleep(0.2)
            await accept(arrivals)

        later.add(task := asyncio.create_task(store()))
        task.add_done_callback(later.discard)
        return [True] * len(arrivals)

    return answered_first


def _naive(publisher: FhirPublisher) -> Callable[[Assessment, ResourceEvent], Awaitable[Mapping[str, str]]]:
    async def send(assessment: Assessment, _event: ResourceEvent) -> Mapping[str, str]:
        made = build_set(assessment, publisher.tables, publisher.options)
        if made is None:
            return {}
        entries = [
            {
                "fullUrl": f"urn:uuid:{one['identifier'][0]['value']}",
                "resource": {k: v for k, v in one.items() if k != "device"},
                "request": {"method": "POST", "url": one["resourceType"]},
            }
            for one in made.slots.values()
        ]
        await publisher.server.transaction({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        return {}

    return send


def set_clock_off(seconds: float) -> None:
    """This process believes that it is earlier or later; the monotonic clock is not touched, as on a real machine."""
    true_now, true_time = bootstrap.WallClock.now, time.time
    bootstrap.WallClock.now = lambda clock: true_now(clock) + timedelta(seconds=seconds)  # type: ignore[method-assign,assignment]
    time.time = lambda: true_time() + seconds


def bound_disk(pages: int) -> None:
    """SQLite answers "database or disk is full" beyond so many pages, as it does on a full disk."""
    event.listen(Engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages}"))


async def live(settings: Settings, given: argparse.Namespace) -> None:
    """Serve until death or SIGTERM."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with bootstrap.open_service(settings) as service:
        service.worker.owner = given.name or service.worker.owner
        doom(service, Fate(given.step, given.number), given.without, given.lease)
        await serve(service, stop, work=True)


def main() -> None:
    """Read the fate and meet it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", nargs="?", default="", choices=("", *STEPS))
    parser.add_argument("number", nargs="?", type=int, default=1)
    parser.add_argument("--without", default="", choices=("", "durability", "ledger"))
    parser.add_argument("--as", dest="name", default="")
    parser.add_argument("--lease", type=float, default=LEASE_S)
    parser.add_argument("--clock", type=float, default=0.0)
    parser.add_argument("--pages", type=int, default=0)
    given = parser.parse_args()
    if given.clock:
        set_clock_off(given.clock)
    if given.pages:
        bound_disk(given.pages)
    settings = Settings.from_environ(os.environ)
    configure(settings.telemetry.log_level)
    try:
        run_loop(live(settings, given))
    except EmhError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
