"""One of several processes keeps the Subscriptions and searches; another takes over when it ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emhwatch.intake import ledger
from emhwatch.intake.duty import Duty
from emhwatch.store.database import Database, open_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/s.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    yield database
    await database.close()


async def take(store: Database, owner: str, for_s: float, server: str = "s") -> bool:
    return await store.write(lambda c: ledger.take_duty(c, server, owner, for_s=for_s))


async def test_one_has_the_duty_until_it_lapses(store: Database) -> None:
    assert await take(store, "a", 60.0)
    assert not await take(store, "b", 60.0)
    assert await take(store, "b", 60.0, server="another")
    assert await take(store, "a", -1.0)  # renewed by its owner, but for no time
    assert await take(store, "b", 60.0)
    assert not await take(store, "a", 60.0)


@pytest.mark.postgres
async def test_a_process_that_ends_hands_over(postgres_url: str) -> None:
    database = open_database(postgres_url)
    first, second = Duty(database, "s"), Duty(database, "s")
    assert await first.held()
    assert not await second.held()
    await first.release()
    assert await Duty(database, "s").held()
    await database.close()
