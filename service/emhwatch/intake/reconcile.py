"""Compares what the FHIR server holds with what the inbox saw; whatever is missing comes in.

The same search is the way in while nothing notifies us: then it runs every few seconds, else every few minutes, at
start, and when somebody asks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from emhwatch.errors import EmhError
from emhwatch.inbox.arrival import Arrival
from emhwatch.intake import ledger
from emhwatch.intake.search import OVERLAP, ChangeSearch, Found
from emhwatch.intake.watch import Watch
from emhwatch.pause import backoff_s, pause
from emhwatch.ports import Clock, Database

_LEAST_S = 0.2  #: between two rounds, however often somebody asks
#: A notification may be this much later than the search without being lost.
_LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two rounds."""

    poll_s: float
    reconcile_s: float
    lookback: timedelta  #: of the first search ever


@dataclass(slots=True)
class _Mark:
    """The server's clock as it was known at an instant of ours; ours is only used to measure how much has passed."""

    reached: datetime
    at: float | None  #: of the loop; None: read from the data store

    def now(self, at: float) -> datetime:
        """What the server's clock shows at least."""
        return self.reached + timedelta(seconds=at - self.at if self.at is not None else 0.0)


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """The background search of one configured server."""

    server: str
    search: ChangeSearch
    watches: Sequence[Watch]
    accept: Callable[[list[Arrival]], Awaitable[list[bool]]]  #: for each whether it is new; returns when durable
    database: Database
    clock: Clock
    pace: Pace
    notified: Callable[[], bool] = lambda: False  #: whether the server notifies us of everything, as far as we know
    on_duty: Callable[[], Awaitable[bool]]  #: whether this process makes the regular rounds
    on_missed: Callable[[Mapping[str, int]], Awaitable[None]] | None = None  #: events by type that nothing told
    on_fault: Callable[[BaseException], None] = lambda _: None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _marks: dict[str, _Mark] = field(default_factory=dict)

    def look(self) -> None:
        """Ask for a search soon: something changed and nobody says what."""
        self.wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Search until `stop` is set; a failed round is tried again soon, and less often the longer it fails."""
        failures = 0
        while not stop.is_set():
            asked = self.wake.is_set()
            self.wake.clear()
            notified = self.notified()
            wait_s = self.pace.reconcile_s if notified else self.pace.poll_s
            try:
                if asked or await self.on_duty():
                    await self.once(notified=notified)
                failures = 0
            except EmhError as error:
                self.on_fault(error)
                failures += 1
                wait_s = backoff_s(failures, most_s=min(self.pace.reconcile_s, 60.0))
            await pause(_LEAST_S, stop)
            await pause(wait_s, self.wake, stop)

    async def once(self, *, notified: bool = False) -> None:
        """One search a type; a type that fails does not keep the others from being searched.

        Raises:
            EmhError: of the first type that failed.
        """
        failed: EmhError | None = None
        missed: dict[str, int] = {}
        for watch in self.watches:
            try:
                missed[watch.resource_type] = await self._one(watch)
            except EmhError as error:
                failed = failed or error
        reached = {kind: mark.reached for kind, mark in self._marks.items() if mark.at is not None}
        await self.database.write(lambda c: ledger.reach(c, self.server, reached))
        if self.on_missed is not None and notified and any(missed.values()):
            await self.on_missed({kind: number for kind, number in missed.items() if number})
        if failed is not None:
            raise failed

    async def _one(self, watch: Watch) -> int:
        """Take in what has changed; returns how much of it should have been told by now."""
        started = asyncio.get_running_loop().time()
        mark = await self._mark(watch)
        since = mark.now(started) - OVERLAP if mark else self.clock.now() - self.pace.lookback
        reached, untold = mark.now(started) if mark else None, 0
        # What was deleted before the first look was never taken in.
        async for page in self.search.since(watch, since, deletes=mark is not None):
            untold += await self._take(page, mark, reached)
            if page.newest is not None:
                reached = max(reached or page.newest, page.newest)
        if reached is not None:
            self._marks[watch.resource_type] = _Mark(reached, started)
        return untold

    async def _take(self, page: Found, mark: _Mark | None, now: datetime | None) -> int:
        source = "reconcile" if self.notified() else "poll"
        arrivals = [change.arrival(self.server, source) for change, _ in page.changes]
        if not arrivals:
            return 0
        new = await self.accept(arrivals)
        if mark is None or mark.at is None or now is None:  # the first search of this process also finds what it missed
            return 0
        told_by = now - _LATE
        updated = [instant for _, instant in page.changes]
        return sum(
            fresh and at is not None and mark.reached < at < told_by for fresh, at in zip(new, updated, strict=True)
        )

    async def _mark(self, watch: Watch) -> _Mark | None:
        if watch.resource_type not in self._marks:
            kept = await self.database.read(lambda c: ledger.reached(c, self.server))
            if watch.resource_type not in kept:
                return None
            self._marks[watch.resource_type] = _Mark(kept[watch.resource_type], None)
        return self._marks[watch.resource_type]
