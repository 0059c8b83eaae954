"""Takes events out of the inbox and runs them through the pipeline, a bounded number at once.

A lease is prolonged while its event is worked and ends by itself when the process dies, so that another worker takes
over. On `stop` nothing new is claimed; what is in work is finished within the grace time or given back. While the FHIR
server is away (`breaker`) nothing is claimed, and an event that found it so spends no attempt.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from emhwatch.errors import EmhError
from emhwatch.inbox import settle
from emhwatch.inbox.breaker import Breaker
from emhwatch.inbox.claim import claim, due_in_ms
from emhwatch.inbox.lease import Lease, LeaseLost
from emhwatch.inbox.retry import MAX_ATTEMPTS, delay_ms
from emhwatch.inbox.schema import DEAD, DONE
from emhwatch.model.event import ResourceEvent
from emhwatch.pause import pause
from emhwatch.ports import Database
from emhwatch.telemetry.trace import following

_AGAIN_S = 1.0  #: after the data store was away
_LEAST_S = 0.05  #: what is due and not to be had is just being claimed by another worker
FOREIGN = "unexpected"  #: reason of a failure that is not in our error tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One attempt, for logs and metrics."""

    event_id: int
    resource_type: str
    outcome: str  #: done, retry, waits (for the FHIR server), dead, lost
    reason: str | None
    attempt: int
    waited_ms: int
    worked_ms: int


@dataclass(slots=True, kw_only=True)
class Worker:
    """One worker of this process."""

    database: Database
    work: Callable[[ResourceEvent], Awaitable[object]]
    wake: asyncio.Event  #: set when this process has accepted something
    concurrency: int = 8
    lease_s: float = 30.0
    poll_s: float = 5.0  #: safety net for what other processes accept
    stage_s: float = 120.0  #: an event that takes longer is tried again
    grace_s: float = 10.0
    on_finished: Callable[[Finished], None] = lambda _: None
    on_fault: Callable[[BaseException], None] = lambda _: None
    listen: Callable[[Callable[[], None]], Awaitable[None]] | None = None  #: calls when another process has accepted
    breaker: Breaker = field(default_factory=lambda: Breaker(now=time.monotonic))
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    _running: dict[asyncio.Task[None], Lease] = field(default_factory=dict)
    _rest_s: float = 0.0  #: until something may be due, as it was known after the last claim

    @property
    def in_work(self) -> int:
        """Events that are worked now."""
        return len(self._running)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        beside = [asyncio.create_task(self._heartbeat())]
        if self.listen is not None:
            beside.append(asyncio.ensure_future(self.listen(self.wake.set)))
        try:
            while not stop.is_set():
                self.wake.clear()
                if not await self._claim():
                    await pause(min(self.poll_s, self.breaker.wait_s or self._rest_s), self.wake, stop)
            await self._drain()
        finally:
            for task in beside:
                task.cancel()

    async def _claim(self) -> bool:
        """Claim as much as there is room for; False when nothing more is due, or there is no room."""
        room = self.breaker.room(self.concurrency - self.in_work, self.in_work)
        if room <= 0:
            self._rest_s = self.poll_s
            return False
        try:
            leases, self._rest_s = await self.database.write(lambda c: self._claim_up_to(c, room))
        except EmhError as error:  # the data store is away: nothing is lost, the next round tries again
            self._rest_s = _AGAIN_S
            self.on_fault(error)
            return False
        for lease in leases:
            task = asyncio.create_task(self._one(lease))
            self._running[task] = lease
            task.add_done_callback(self._ended)
        return len(leases) == room

    def _claim_up_to(self, connection: Connection, room: int) -> tuple[list[Lease], float]:
        lease_ms = int(self.lease_s * 1000)
        leases = claim(connection, owner=self.owner, limit=room, lease_ms=lease_ms, max_starts=MAX_ATTEMPTS * 2)
        due_ms = due_in_ms(connection) if len(leases) < room else 0
        due_s = self.poll_s if due_ms is None else due_ms / 1000
        return leases, min(self.poll_s, max(_LEAST_S, due_s))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self.wake.set()

    async def _one(self, lease: Lease) -> None:
        with following(lease.trace, event=lease.event_id):
            await self._attempt(lease)

    async def _attempt(self, lease: Lease) -> None:
        started = time.monotonic()
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(self.stage_s):
                await self.work(lease.event)
        # The edge of the event loop: whatever went wrong with one event is recorded with it, and the others go on.
        except Exception as error:  # noqa: BLE001
            failure = error
        outcome, reason = await self._settle(lease, failure)
        self.on_finished(
            Finished(
                event_id=lease.event_id,
                resource_type=lease.event.resource_type,
                outcome=outcome,
                reason=reason,
                attempt=lease.attempt,
                waited_ms=lease.waited_ms,
                worked_ms=int((time.monotonic() - started) * 1000),
            )
        )

    async def _settle(self, lease: Lease, failure: BaseException | None) -> tuple[str, str | None]:
        reason = None
        try:
            if failure is None:
                self.breaker.succeeded()
                await self.database.write(lambda c: settle.finish(c, lease, DONE))
                return "done", None
            reason = failure.code if isinstance(failure, EmhError) else FOREIGN
            if not isinstance(failure, EmhError):
                self.on_fault(failure)
            if self.breaker.failed(failure, event_id=lease.event_id, attempt=lease.attempt):
                await self.database.write(lambda c: settle.give_back(c, [lease]))
                return "waits", reason
            delay = delay_ms(failure, event_id=lease.event_id, attempt=lease.attempt)
            if delay is None:
                await self.database.write(lambda c: settle.finish(c, lease, DEAD, reason))
                return "dead", reason
            await self.database.write(lambda c: settle.try_again(c, lease, delay_ms=delay, reason=reason))
        except LeaseLost:
            return "lost", reason
        except EmhError as error:  # the data store is away: the lease ends and somebody works the event again
            self.on_fault(error)
            return "lost", error.code
        return "retry", reason

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 3)
            held = dict(self._running)
            if not held:
                continue
            try:
                leases, lease_ms = list(held.values()), int(self.lease_s * 1000)
                ours = await self.database.write(lambda c: settle.prolong(c, leases, lease_ms))  # noqa: B023 - awaited
            except EmhError as error:
                self.on_fault(error)
                continue
            for task, lease in held.items():
                if lease.event_id not in ours and not task.done():
                    task.cancel()

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(list(self._running), timeout=self.grace_s)
        left = dict(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.gather(*left, return_exceptions=True)
            await self.database.write(lambda c: settle.give_back(c, list(left.values())))
