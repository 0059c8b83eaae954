"""Arrivals of many requests share a transaction, and none hears more or less than what became of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, func, select

from emhwatch.errors import StoreUnavailable
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.gather import Gathering
from emhwatch.inbox.schema import event
from emhwatch.model.event import ResourceEvent
from emhwatch.store.database import Database, open_database

T = TypeVar("T")


class Counted:
    """A data store that counts its transactions, is slow, and may be away."""

    def __init__(self, database: Database) -> None:
        self.real, self.dialect, self.writes, self.away = database, database.dialect, 0, False

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.real.read(work)

    async def write(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:
        self.writes += 1
        await asyncio.sleep(0.02)
        if self.away:
            raise StoreUnavailable
        return await self.real.write(work, alone=alone)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counted]:
    url = f"sqlite:///{tmp_path}/s.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    yield Counted(database)
    await database.close()


def arrival(ident: str, version: str | None = "1") -> Arrival:
    return Arrival(
        event=ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=ident, version=version),
        source="hook",
    )


async def stored(store: Counted) -> int:
    return await store.read(lambda c: c.scalar(select(func.count()).select_from(event))) or 0


async def test_requests_of_one_moment_share_transactions_and_hear_their_own_ids(store: Counted) -> None:
    inbox = Gathering(store)
    found = await asyncio.gather(*[inbox.accept([arrival(f"r{n}"), arrival(f"r{n}", "2")]) for n in range(40)])
    ids = [ident for pair in found for ident in pair]
    assert len(set(ids)) == 80 and None not in ids
    assert store.writes <= 3
    rows = await store.read(lambda c: c.execute(select(event.c.id, event.c.resource_id, event.c.version)).all())
    assert {row.id: (row.resource_id, row.version) for row in rows} == {
        ident: (f"r{n}", version) for n, pair in enumerate(found) for ident, version in zip(pair, "12", strict=True)
    }


async def test_the_same_event_in_two_requests_of_one_moment_is_new_to_one_of_them(store: Counted) -> None:
    inbox = Gathering(store)
    await inbox.accept([arrival("a")])
    found = await asyncio.gather(*[inbox.accept([arrival("a"), arrival("b"), arrival("c", None)]) for _ in range(5)])
    assert [ids[0] for ids in found] == [None] * 5
    assert sum(ids[1] is not None for ids in found) == 1
    assert sum(ids[2] is not None for ids in found) == 1
    assert await stored(store) == 3


async def test_h21_an_arrival_that_cannot_be_stored_costs_no_other_its_place(store: Counted) -> None:
    inbox = Gathering(store)
    bad = Arrival(event=arrival("bad").event, source=None)  # type: ignore[arg-type]  # no source: refused by the table
    found = await asyncio.gather(
        *[inbox.accept([it]) for it in (arrival("a"), bad, arrival("b"))], return_exceptions=True
    )
    assert isinstance(found[1], Exception) and not isinstance(found[1], StoreUnavailable)
    assert isinstance(found[0], list) and isinstance(found[2], list)
    assert await stored(store) == 2


async def test_all_hear_when_the_data_store_is_away_and_the_next_is_tried_anew(store: Counted) -> None:
    inbox = Gathering(store)
    store.away = True
    found = await asyncio.gather(*[inbox.accept([arrival(f"r{n}")]) for n in range(5)], return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) for error in found)
    store.away = False
    assert await inbox.accept([arrival("r0")]) != [None]


async def test_a_caller_that_gives_up_takes_nothing_with_it(store: Counted) -> None:
    inbox = Gathering(store)
    waiting = [asyncio.create_task(inbox.accept([arrival(f"r{n}")])) for n in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError) and done[0] and done[2]
    assert await stored(store) == 3
