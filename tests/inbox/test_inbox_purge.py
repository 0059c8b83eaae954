"""What is finished is forgotten by age, little by little; dead letters and what waits stay."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from emhwatch.inbox import settle
from emhwatch.inbox.accept import accept
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.claim import claim
from emhwatch.inbox.schema import DEAD, DONE, event, lane
from emhwatch.inbox.status import items, purge, purge_lanes
from emhwatch.model.event import ResourceEvent
from emhwatch.store.database import Database, open_database

_DAY_MS = 86_400_000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/s.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    yield database
    await database.close()


def arrival(ident: str, version: str = "1") -> Arrival:
    it = ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=ident, version=version)
    return Arrival(event=it, source="hook", patient=f"Patient/{ident}")


async def age(store: Database, days: int) -> None:
    """Let everything be so much older."""
    await store.write(lambda c: c.execute(update(event).values(finished=event.c.finished - days * _DAY_MS)))
    await store.write(lambda c: c.execute(update(lane).values(touched=lane.c.touched - days * _DAY_MS)))


async def finished(store: Database, *states: str) -> None:
    await store.write(lambda c: accept(c, [arrival(f"r{n}") for n in range(len(states))]))
    leases = await store.write(lambda c: claim(c, owner="w", limit=99, lease_ms=60_000, max_starts=9))
    for lease, state in zip(leases, states, strict=True):
        await store.write(lambda c, it=lease, to=state: settle.finish(c, it, to))  # type: ignore[misc]


async def lanes(store: Database) -> int:
    return await store.read(lambda c: c.scalar(select(func.count()).select_from(lane))) or 0


async def test_it_goes_in_steps_and_leaves_dead_letters_to_a_person(store: Database) -> None:
    await finished(store, *[DONE] * 7, DEAD)
    await age(store, 31)
    steps = [await store.write(lambda c: purge(c, older_than_days=30, most=3)) for _ in range(4)]
    assert steps == [3, 3, 1, 0]
    assert [item.state for item in await store.read(items)] == [DEAD]


async def test_what_is_younger_stays(store: Database) -> None:
    await finished(store, DONE)
    await age(store, 29)
    assert await store.write(lambda c: purge(c, older_than_days=30)) == 0
    assert await store.write(lambda c: purge_lanes(c, older_than_days=30)) == 0


async def test_a_lane_that_is_forgotten_begins_anew(store: Database) -> None:
    await finished(store, DONE, DONE)
    await store.write(lambda c: accept(c, [arrival("waits")]))
    await age(store, 31)
    assert await store.write(lambda c: purge_lanes(c, older_than_days=30)) == 2  # the one with work stays
    assert await lanes(store) == 1
    await store.write(lambda c: accept(c, [arrival("r0", "2")]))
    leases = await store.write(lambda c: claim(c, owner="w", limit=99, lease_ms=60_000, max_starts=9))
    assert sorted(lease.event.resource_id for lease in leases) == ["r0", "waits"]


async def test_a_lane_is_not_forgotten_while_something_arrives_in_it(store: Database) -> None:
    await finished(store, DONE)
    await age(store, 31)
    await asyncio.gather(
        store.write(lambda c: accept(c, [arrival("r0", "2")])),
        store.write(lambda c: purge_lanes(c, older_than_days=30)),
    )
    leases = await store.write(lambda c: claim(c, owner="w", limit=99, lease_ms=60_000, max_starts=9))
    assert [lease.event.version for lease in leases] == ["2"]
