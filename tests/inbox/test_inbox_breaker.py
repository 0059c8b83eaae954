"""While the FHIR server is away nothing is claimed; events wait without spending attempts, and one at a time tries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from emhwatch.errors import FhirForbidden, FhirNotFound, FhirThrottled, FhirUnavailable, OutcomeUnknown, StageTimeout
from emhwatch.fhir.outcome import error_of
from emhwatch.inbox.accept import accept
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.breaker import Breaker
from emhwatch.inbox.schema import DEAD, DONE, WAITING
from emhwatch.inbox.status import items
from emhwatch.inbox.worker import Finished, Worker
from emhwatch.model.event import ResourceEvent
from emhwatch.store.database import Database, open_database

LOST = FhirUnavailable("The FHIR server could not be reached.")


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def told() -> list[bool]:
    return []


@pytest.fixture
def breaker(hand: Hand, told: list[bool]) -> Breaker:
    return Breaker(now=hand, on_change=told.append)


def fail(breaker: Breaker, error: Exception, *events: int, attempt: int = 1) -> list[bool]:
    return [breaker.failed(error, event_id=event, attempt=attempt) for event in events]


def test_it_opens_after_failures_of_several_events_and_says_so_once(breaker: Breaker, told: list[bool]) -> None:
    assert fail(breaker, LOST, 1, 2) == [False, False]
    assert breaker.room(8, 0) == 8
    assert fail(breaker, LOST, 3, 4) == [True, True]
    assert breaker.room(8, 0) == 0 and breaker.wait_s > 0
    assert told == [True]


def test_one_resource_that_the_server_fails_on_does_not_stop_the_others(breaker: Breaker) -> None:
    failing = FhirUnavailable("The FHIR server is failing.", http_status=500)
    assert [breaker.failed(failing, event_id=7, attempt=n) for n in range(1, 10)] == [False] * 9
    assert breaker.room(8, 0) == 8


def test_a_server_that_cannot_be_reached_opens_it_even_for_one_event(breaker: Breaker) -> None:
    assert [breaker.failed(LOST, event_id=7, attempt=n) for n in (1, 2, 3)] == [False, False, True]


def test_then_one_event_tries_and_its_end_decides(breaker: Breaker, hand: Hand, told: list[bool]) -> None:
    fail(breaker, LOST, 1, 2, 3)
    hand.at += breaker.wait_s
    assert breaker.room(8, 1) == 0  # beside one that runs there is no second try
    assert breaker.room(8, 0) == 1
    waits = []
    for event in range(10, 20):
        fail(breaker, LOST, event)
        waits.append(breaker.wait_s)
        hand.at += breaker.wait_s
    assert waits == sorted(waits) and waits[0] < waits[3] and max(waits) <= 60.0
    breaker.succeeded()
    assert breaker.room(8, 0) == 8
    assert told == [True, False]
    assert fail(breaker, LOST, 1, 2) == [False, False]  # it counts anew


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_at_the_first_answer(breaker: Breaker, hand: Hand, status: int) -> None:
    error = error_of(status, {}, {"retry-after": "17"}, writes=False)
    assert fail(breaker, error, 1) == [True]
    assert breaker.wait_s == 17.0
    hand.at += 16.5
    assert breaker.room(8, 0) == 0
    hand.at += 0.5
    assert breaker.room(8, 0) == 1


def test_an_answer_that_refuses_is_an_answer(breaker: Breaker) -> None:
    fail(breaker, LOST, 1, 2)
    assert breaker.failed(FhirNotFound(http_status=404), event_id=3, attempt=1) is False
    assert fail(breaker, LOST, 4, 5) == [False, False]
    assert fail(breaker, ValueError("ours"), 6) == [False]  # says nothing about the server
    assert fail(breaker, OutcomeUnknown(), 7) == [True]


def test_what_had_started_before_it_opened_does_not_prolong_the_wait(breaker: Breaker, hand: Hand) -> None:
    fail(breaker, LOST, 1, 2, 3)
    first = breaker.wait_s
    hand.at += first / 2
    fail(breaker, LOST, 4, 5, 6, 7, 8)
    assert breaker.wait_s == first / 2


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/s.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    yield database
    await database.close()


async def put(store: Database, *idents: str) -> None:
    arrivals = [
        Arrival(
            event=ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id=ident, version="1"),
            source="hook",
        )
        for ident in idents
    ]
    await store.write(lambda c: accept(c, arrivals))


class Site:
    """A worker before a FHIR server that can be away, on a clock that is moved by hand."""

    def __init__(self, store: Database, hand: Hand) -> None:
        self.error: Exception | None = None
        self.calls: list[str] = []
        self.seen: list[Finished] = []
        self.hand = hand
        self.worker = Worker(
            database=store,
            work=self.work,
            wake=asyncio.Event(),
            poll_s=0.01,
            on_finished=self.seen.append,
            breaker=Breaker(now=hand),
        )

    async def work(self, event: ResourceEvent) -> None:
        self.calls.append(event.resource_id)
        if self.error is not None:
            raise self.error

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not happen within ten seconds")


async def running(site: Site, test: Callable[[], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(site.worker.run(stop))
    try:
        await test()
    finally:
        stop.set()
        await task


async def test_h21_an_outage_spends_no_attempts_and_everything_is_done_after_it(store: Database, hand: Hand) -> None:
    site = Site(store, hand)
    site.error = FhirThrottled(retry_after_s=0.2)
    await put(store, *(f"r{n}" for n in range(20)))

    async def outage() -> None:
        await site.until(lambda: len(site.seen) == 8)  # those that had started
        for _ in range(30):  # many more tries than an event has
            tried = len(site.calls)
            await asyncio.sleep(0.01)
            assert len(site.calls) == tried, "claimed while the server is away"
            hand.at += 61.0
            await site.until(lambda tried=tried: len(site.seen) == tried + 1)  # type: ignore[misc]
        assert {done.outcome for done in site.seen} == {"waits"}
        assert {item.attempts for item in await store.read(items)} == {0}
        site.error = None
        hand.at += 61.0
        await site.until(lambda: sum(done.outcome == "done" for done in site.seen) == 20)

    await running(site, outage)
    assert {item.state for item in await store.read(items)} == {DONE}


async def test_a_failure_of_one_event_still_spends_its_attempts(store: Database, hand: Hand) -> None:
    site = Site(store, hand)
    await put(store, "forbidden", "slow")
    failures = {"forbidden": FhirForbidden(http_status=403), "slow": StageTimeout()}

    async def work(event: ResourceEvent) -> None:
        raise failures[event.resource_id]

    site.worker.work = work

    async def both() -> None:
        await site.until(lambda: len(site.seen) == 2)

    await running(site, both)
    found = {item.reference.partition("/")[2]: (item.state, item.attempts) for item in await store.read(items)}
    assert found == {"forbidden": (DEAD, 1), "slow": (WAITING, 1)}
