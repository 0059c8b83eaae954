"""A replica hears at once what another has accepted; what it does not hear it finds by polling."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.gather import Gathering
from emhwatch.inbox.worker import Finished, Worker
from emhwatch.model.event import ResourceEvent
from emhwatch.store.announce import Announcements
from emhwatch.store.database import open_database
from emhwatch.store.postgres import PostgresDatabase

pytestmark = pytest.mark.postgres
_LONG_S = 30.0  #: polling alone would need this
_LISTENERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'emhwatch listens' AND datname = current_database()"
)


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    """Two replicas of one data store."""
    both = (open_database(postgres_url), open_database(postgres_url))
    assert isinstance(both[0], PostgresDatabase) and isinstance(both[1], PostgresDatabase)
    yield both
    for database in both:
        await database.close()


def arrival(ident: str) -> Arrival:
    it = ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=ident, version="1")
    return Arrival(event=it, source="hook")


async def until(condition: Callable[[], bool]) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < _LONG_S / 2, "it was not heard"
        await asyncio.sleep(0.005)


async def listening(store: PostgresDatabase) -> None:
    for _ in range(1000):
        if await store.read(lambda c: c.scalar(text(_LISTENERS))) == 1:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody listens")


async def nothing(_event: ResourceEvent) -> None:
    return


class Replica:
    """A worker that polls so rarely that it can only have heard."""

    def __init__(self, store: PostgresDatabase) -> None:
        self.seen: list[Finished] = []
        self.stop = asyncio.Event()
        self.worker = Worker(
            database=store,
            work=nothing,
            wake=asyncio.Event(),
            poll_s=_LONG_S,
            on_finished=self.seen.append,
            listen=Announcements(store).listen,
        )

    async def __aenter__(self) -> "Replica":
        self._task = asyncio.create_task(self.worker.run(self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self._task


async def test_a_worker_hears_what_another_process_has_accepted(
    stores: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    web, store = stores
    inbox = Gathering(web, Announcements(web).tell)
    async with Replica(store) as replica:
        await listening(web)
        for number in range(1, 4):
            await inbox.accept([arrival(f"r{number}")])
            await until(lambda number=number: len(replica.seen) == number)  # type: ignore[misc]


async def test_a_burst_is_heard_to_its_end(stores: tuple[PostgresDatabase, PostgresDatabase]) -> None:
    web, store = stores
    inbox = Gathering(web, Announcements(web).tell)
    async with Replica(store) as replica:
        await listening(web)
        for number in range(60):
            await inbox.accept([arrival(f"r{number}")])
        await until(lambda: len(replica.seen) == 60)


async def test_a_lost_connection_is_made_anew_and_what_was_missed_is_found(
    stores: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    web, store = stores
    async with Replica(store) as replica:
        await listening(web)
        end = _LISTENERS.replace("count(*)", "pg_terminate_backend(pid)")
        await web.read(lambda c: c.execute(text(end)) and None)
        await Gathering(web).accept([arrival("unheard")])  # accepted by one that tells nobody
        await until(lambda: len(replica.seen) == 1)


async def test_it_does_not_hear_itself(stores: tuple[PostgresDatabase, PostgresDatabase]) -> None:
    ours, theirs = Announcements(stores[0]), Announcements(stores[1])
    heard: list[int] = []
    task = asyncio.create_task(ours.listen(lambda: heard.append(1)))
    await until(lambda: len(heard) == 1)  # once at the start
    ours.tell()
    await asyncio.sleep(0.05)
    theirs.tell()
    await until(lambda: len(heard) > 1)
    await asyncio.sleep(0.05)
    task.cancel()
    assert len(heard) == 2


async def test_a_connection_that_was_ended_while_idle_is_replaced_unseen(
    stores: tuple[PostgresDatabase, PostgresDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emhwatch.store.postgres._IDLE_S", 0.0)
    web, store = stores
    await store.read(lambda c: c.execute(text("SELECT 1")) and None)
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await web.read(lambda c: c.execute(text(others)) and None)
    assert await store.read(lambda c: c.scalar(text("SELECT 7"))) == 7
