"""The inbox on both data stores: one suite, nothing lost, nothing doubled, order within a patient."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from emhwatch.errors import ConfigurationError, FhirNotFound, FhirUnavailable
from emhwatch.inbox import settle
from emhwatch.inbox.accept import accept
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.claim import claim
from emhwatch.inbox.lease import Lease, LeaseLost
from emhwatch.inbox.retry import MAX_ATTEMPTS, delay_ms
from emhwatch.inbox.schema import DEAD, DONE, SUPERSEDED, WAITING
from emhwatch.inbox.status import counts, items, purge, replay
from emhwatch.inbox.worker import Finished, Worker
from emhwatch.model.event import ResourceEvent
from emhwatch.store.database import Database, open_database

LEASE_MS = 60_000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/s.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    yield database
    await database.close()


def arrival(
    ident: str, version: str | None = "1", *, patient: str | None = "Patient/p", deleted: bool = False
) -> Arrival:
    event = ResourceEvent(
        server="s", resource_type="DiagnosticReport", resource_id=ident, version=version, deleted=deleted
    )
    return Arrival(event=event, source="hook", patient=patient)


async def put(store: Database, *arrivals: Arrival) -> list[int | None]:
    return await store.write(lambda c: accept(c, arrivals))


async def take(store: Database, limit: int = 10, lease_ms: int = LEASE_MS) -> list[Lease]:
    return await store.write(lambda c: claim(c, owner="w", limit=limit, lease_ms=lease_ms, max_starts=5))


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds, or after twenty seconds."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)


async def state_of(store: Database, ident: str) -> list[str]:
    return [i.state for i in await store.read(items) if i.reference == f"DiagnosticReport/{ident}"]


async def test_the_same_event_is_taken_once(store: Database) -> None:
    first = await put(store, arrival("a"), arrival("a"))
    assert first[0] is not None and first[1] is None
    assert await put(store, arrival("a")) == [None]
    assert (await store.read(counts)).waiting == 1


async def test_one_patient_is_worked_in_order_and_others_beside(store: Database) -> None:
    await put(store, arrival("a"), arrival("b"), arrival("c", patient="Patient/q"), arrival("d", patient=None))
    held = await take(store)
    assert sorted(lease.event.resource_id for lease in held) == ["a", "c", "d"]
    assert await take(store) == []
    first = next(lease for lease in held if lease.event.resource_id == "a")
    await store.write(lambda c: settle.finish(c, first, DONE))
    assert [lease.event.resource_id for lease in await take(store)] == ["b"]


async def test_h17_a_newer_version_overtakes_one_that_has_not_started(store: Database) -> None:
    await put(store, arrival("a", "1"), arrival("a", "3"), arrival("a", "2"))
    (held,) = await take(store)
    assert held.event.version == "3"
    await store.write(lambda c: settle.finish(c, held, DONE))
    assert await take(store) == []
    assert sorted(await state_of(store, "a")) == [DONE, SUPERSEDED, SUPERSEDED]


async def test_a_lapsed_lease_goes_to_another_and_the_first_may_write_nothing(store: Database) -> None:
    await put(store, arrival("a"))
    (lost,) = await take(store, lease_ms=1)
    await asyncio.sleep(0.02)
    (held,) = await take(store)
    assert held.event_id == lost.event_id and held.token > lost.token and held.lapsed
    with pytest.raises(LeaseLost):
        await store.write(lambda c: settle.finish(c, lost, DONE))
    assert await store.write(lambda c: settle.prolong(c, [lost, held], LEASE_MS)) == {held.event_id}
    await store.write(lambda c: settle.finish(c, held, DONE))
    assert (await store.read(counts)).done == 1


async def test_given_back_work_is_as_if_never_claimed(store: Database) -> None:
    await put(store, arrival("a"))
    held = await take(store)
    await store.write(lambda c: settle.give_back(c, held))
    (again,) = await take(store)
    assert again.attempt == 1


async def test_a_failed_event_waits_and_holds_its_patient_only(store: Database) -> None:
    await put(store, arrival("a"), arrival("b"))
    (held,) = await take(store)
    await store.write(lambda c: settle.try_again(c, held, delay_ms=50, reason="fhir-unavailable"))
    assert await take(store) == []
    await asyncio.sleep(0.1)
    (again,) = await take(store)
    assert (again.event.resource_id, again.attempt) == ("a", 2)


async def test_h21_dead_letters_say_why_and_are_replayed(store: Database) -> None:
    await put(store, arrival("a"))
    (held,) = await take(store)
    await store.write(lambda c: settle.finish(c, held, DEAD, "fhir-forbidden"))
    (item,) = await store.read(lambda c: items(c, state=DEAD))
    assert (item.reference, item.reason) == ("DiagnosticReport/a", "fhir-forbidden")
    assert await store.write(lambda c: purge(c, older_than_days=-1)) == 0
    assert await store.write(lambda c: replay(c, [item.id])) == 1
    assert [lease.event.resource_id for lease in await take(store)] == ["a"]
    assert await state_of(store, "a") == [WAITING]


async def test_what_is_finished_is_purged_by_age(store: Database) -> None:
    await put(store, arrival("a"), arrival("b", patient="Patient/q"))
    done, _ = await take(store)
    await store.write(lambda c: settle.finish(c, done, DONE))
    assert await store.write(lambda c: purge(c, older_than_days=1)) == 0
    assert await store.write(lambda c: purge(c, older_than_days=-1)) == 1
    assert (await store.read(counts)).waiting == 1


def worker(store: Database, work: Callable[[ResourceEvent], object], seen: list[Finished], **more: object) -> Worker:
    async def run(event: ResourceEvent) -> None:
        result = work(event)
        if isinstance(result, BaseException):
            raise result
        await asyncio.sleep(0)

    return Worker(database=store, work=run, wake=asyncio.Event(), on_finished=seen.append, poll_s=0.02, **more)  # type: ignore[arg-type]  # forwarded


async def test_the_worker_runs_everything_and_stops_gracefully(store: Database) -> None:
    order: list[str] = []
    seen: list[Finished] = []
    for n in range(40):
        await put(store, arrival(f"r{n}", patient=f"Patient/{n % 5}"))
    stop = asyncio.Event()
    running = asyncio.create_task(worker(store, lambda e: order.append(e.resource_id), seen).run(stop))
    await until(lambda: len(seen) == 40)
    stop.set()
    await running
    assert sorted(order) == sorted(f"r{n}" for n in range(40))
    for patient in range(5):
        mine = [int(name[1:]) for name in order if int(name[1:]) % 5 == patient]
        assert mine == sorted(mine)
    assert {done.outcome for done in seen} == {"done"}


async def test_the_worker_sorts_failures(store: Database) -> None:
    failures = {"lost": FhirNotFound(), "away": FhirUnavailable(), "fault": ValueError("a secret")}
    seen: list[Finished] = []
    await put(store, *(arrival(name, patient=f"Patient/{name}") for name in failures))
    stop = asyncio.Event()
    running = asyncio.create_task(worker(store, lambda e: failures[e.resource_id], seen).run(stop))
    await until(lambda: len(seen) == 3)
    stop.set()
    await running
    reasons = {i.reference.partition("/")[2]: (i.state, i.reason) for i in await store.read(items)}
    assert reasons["lost"] == (DEAD, FhirNotFound.code)
    assert reasons["away"] == (WAITING, FhirUnavailable.code)
    assert reasons["fault"] == (WAITING, "unexpected")
    assert "secret" not in str(reasons)


async def test_work_that_does_not_end_in_the_grace_time_is_given_back(store: Database) -> None:
    started = asyncio.Event()

    async def hang(_: ResourceEvent) -> None:
        started.set()
        await asyncio.sleep(60)

    await put(store, arrival("a"))
    stop = asyncio.Event()
    it = Worker(database=store, work=hang, wake=asyncio.Event(), grace_s=0.05)
    running = asyncio.create_task(it.run(stop))
    await asyncio.wait_for(started.wait(), 10)
    stop.set()
    await asyncio.wait_for(running, 10)
    (again,) = await take(store)
    assert again.attempt == 1


def test_delays_grow_end_and_are_spread() -> None:
    error = FhirUnavailable()
    delays = [delay_ms(error, event_id=7, attempt=n) for n in range(1, MAX_ATTEMPTS + 1)]
    assert delays[-1] is None
    grown = [d for d in delays if d is not None]
    assert all(500 <= d <= 15 * 60 * 1000 for d in grown)
    assert grown[8] > grown[0] * 20
    assert len({delay_ms(error, event_id=n, attempt=5) for n in range(50)}) > 40
    assert delay_ms(ConfigurationError(), event_id=1, attempt=1) is None
    assert delay_ms(ValueError(), event_id=1, attempt=3) is None
