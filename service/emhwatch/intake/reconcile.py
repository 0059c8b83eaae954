"""Compares what the FHIR server holds with what the inbox saw; whatever is missing comes in.

The same search is the way in for servers that do not notify: then it runs every few seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from emhwatch.errors import EmhError
from emhwatch.inbox.arrival import Arrival
from emhwatch.intake.notification import change_of
from emhwatch.intake.subscriptions import Subscriptions
from emhwatch.intake.watch import Watch
from emhwatch.pause import pause
from emhwatch.ports import Clock, FhirReader
from emhwatch.types import Resource

#: A server sets `lastUpdated` before it commits: what was being written at the last look is seen by the next.
OVERLAP = timedelta(seconds=60)
_MOST = 5000  #: resources of one search; the rest is found from there at the next round
_RETRY_S = 5.0


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """The background search of one configured server."""

    server: str
    reader: FhirReader
    watches: Sequence[Watch]
    accept: Callable[[list[Arrival]], Awaitable[None]]
    clock: Clock
    every_s: float
    lookback: timedelta
    subscriptions: Subscriptions | None = None  #: kept alive on the way; None: the server does not notify us
    source: str = "reconcile"
    on_fault: Callable[[BaseException], None] = lambda _: None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _since: dict[str, datetime] = field(default_factory=dict)

    def look(self) -> None:
        """Ask for a search soon: a notification said that something changed but not what."""
        self.wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Search until `stop` is set; a failed round is tried again soon."""
        while not stop.is_set():
            self.wake.clear()
            wait_s = self.every_s
            try:
                if self.subscriptions is not None:
                    await self.subscriptions.ensure()
                await self.once()
            except EmhError as error:
                self.on_fault(error)
                wait_s = min(wait_s, _RETRY_S)
            await pause(wait_s, self.wake, stop)

    async def once(self) -> None:
        """One search a watch."""
        for watch in self.watches:
            started = self.clock.now()
            since = self._since.get(watch.resource_type, started - self.lookback)
            params = [
                ("_lastUpdated", f"ge{since.isoformat(timespec='seconds')}"),
                ("_sort", "_lastUpdated"),
                *watch.params,
            ]
            result = await self.reader.search(watch.resource_type, params, max_resources=_MOST)
            found = [r for r in result.resources if r.get("resourceType") == watch.resource_type and r.get("id")]
            arrivals = [change_of(resource).arrival(self.server, self.source) for resource in found]
            if arrivals:
                await self.accept(arrivals)
            last = _updated(result.resources[-1]) if result.resources and not result.complete else None
            self._since[watch.resource_type] = (last or started) - (OVERLAP if last is None else timedelta(0))


def _updated(resource: Resource) -> datetime | None:
    try:
        return datetime.fromisoformat(resource["meta"]["lastUpdated"])
    except (KeyError, TypeError, ValueError):
        return None
