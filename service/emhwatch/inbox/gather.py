"""Many requests, one transaction: what arrives while a commit is under way shares the next one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emhwatch.errors import StoreUnavailable
from emhwatch.inbox.accept import accept
from emhwatch.inbox.arrival import Arrival
from emhwatch.ports import Database

_MOST = 500  #: arrivals of one transaction

_Waiting = tuple[Sequence[Arrival], asyncio.Future[list[int | None]]]


@dataclass(slots=True)
class Gathering:
    """The way into the inbox of one process."""

    database: Database
    tell: Callable[[], None] = lambda: None  #: called after each transaction that stored something
    _waiting: list[_Waiting] = field(default_factory=list)
    _commit: asyncio.Task[None] | None = None

    async def accept(self, arrivals: Sequence[Arrival]) -> list[int | None]:
        """Return when the arrivals are durable: for each its event id, or None for one that is known already.

        Raises:
            StoreUnavailable: nothing of them is stored.
        """
        durable: asyncio.Future[list[int | None]] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, durable))
        if self._commit is None:
            self._commit = asyncio.create_task(self._commit_all())
        return await durable

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group: list[_Waiting] = []
                size = 0
                while self._waiting and (not group or size + len(self._waiting[0][0]) <= _MOST):
                    size += len(self._waiting[0][0])
                    group.append(self._waiting.pop(0))
                await self._store(group)
        finally:
            self._commit = None

    async def _store(self, group: list[_Waiting]) -> None:
        together = [arrival for arrivals, _ in group for arrival in arrivals]
        try:
            ids = await self.database.write(lambda c: accept(c, together), alone=True)
        except Exception as error:  # noqa: BLE001 - every caller hears what became of its own arrivals
            if len(group) == 1 or isinstance(error, StoreUnavailable):
                for _, durable in group:
                    if not durable.done():
                        durable.set_exception(error)
                return
            for single in group:  # one of them cannot be stored: the others must not suffer for it
                await self._store([single])
            return
        if any(ident is not None for ident in ids):
            self.tell()
        start = 0
        for arrivals, durable in group:
            if not durable.done():  # a caller that gave up is no reason to lose what it sent
                durable.set_result(ids[start : start + len(arrivals)])
            start += len(arrivals)
