"""Which patients anything is remembered about, so that most calls need not ask the data store.

Kept as hashes in memory and brought up to date once a second, so another replica's card is seen at most that late;
what this process shows is known at once. A patient that was purged stays here: that costs one needless question.
"""

import asyncio
from collections.abc import Callable

from sqlalchemy import BindParameter, Connection, bindparam, select

from emhwatch.cds.schema import cds_card
from emhwatch.ports import Database
from emhwatch.publish.schema import event_card

_REFRESH_S = 1.0
#: Numbers are given before a transaction ends: rows with a smaller number may appear later than those with a larger.
_OVERLAP = 500
_AFTER: BindParameter[int] = bindparam("after")
_SOURCES = tuple(
    select(table.c.id, table.c.server, table.c.patient).where(table.c.id > _AFTER).order_by(table.c.id)
    for table in (cds_card, event_card)
)


class Remembered:
    """The patients of `cds_card` and `event_card`."""

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database, self._monotonic = database, monotonic
        self._patients: set[int] = set()
        self._newest = [0] * len(_SOURCES)
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    def add(self, server: str, patient: str) -> None:
        """Something is about to be remembered."""
        self._patients.add(hash((server, patient)))

    async def maybe(self, server: str, patient: str) -> bool:
        """False: certainly nothing but what another replica wrote in the last second."""
        first = self._read_at == float("-inf")
        if self._monotonic() - self._read_at > _REFRESH_S and (first or not self._reading.locked()):
            async with self._reading:
                if self._monotonic() - self._read_at > _REFRESH_S:
                    await self._refresh()
        return hash((server, patient)) in self._patients

    async def _refresh(self) -> None:
        started = self._monotonic()
        after = [max(0, newest - _OVERLAP) for newest in self._newest]

        def work(connection: Connection) -> list[list[tuple[int, int]]]:
            return [
                [(row.id, hash((row.server, row.patient))) for row in connection.execute(source, {"after": start})]
                for source, start in zip(_SOURCES, after, strict=True)
            ]

        for place, rows in enumerate(await self._database.read(work)):
            self._patients.update(patient for _, patient in rows)
            self._newest[place] = max([self._newest[place], *(number for number, _ in rows)])
        self._read_at = started
