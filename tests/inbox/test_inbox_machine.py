"""The inbox as a state machine on both data stores: whatever happens in whatever order, nothing is lost or doubled.

A worker may finish, fail, give back or prolong what it holds, or simply be gone; leases lapse at any moment; what is
finished may be purged, what is dead replayed. The model beside it knows only what was accepted and how it ended.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete, select, update

from emhwatch.inbox import settle
from emhwatch.inbox.accept import accept
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.claim import claim
from emhwatch.inbox.lease import Lease, LeaseLost
from emhwatch.inbox.schema import DEAD, DONE, SUPERSEDED, WAITING, event, lane
from emhwatch.inbox.status import purge, purge_lanes, replay
from emhwatch.model.event import ResourceEvent
from emhwatch.store.database import Database, open_database

T = TypeVar("T")
_MAX_STARTS = 6
_LONG_MS = 3_600_000


class Inbox(RuleBasedStateMachine):
    """One data store, any number of workers."""

    database: Database
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.run(lambda c: (c.execute(delete(lane)), c.execute(delete(event))))
        self.held: list[Lease] = []  #: by workers that live; a later lease of the same lane makes an earlier one void
        self.ended: dict[int, str] = {}  #: how each event ended; a replay takes it out again
        self.known: dict[tuple[str, str], int] = {}  #: event id by report and version
        self.gone: set[int] = set()  #: purged

    def run(self, work: Callable[[Connection], T]) -> T:
        return self.runner.run(self.database.write(work))

    @rule(patient=st.sampled_from("pq"), number=st.integers(1, 3), version=st.integers(1, 4))
    def accept(self, patient: str, number: int, version: int) -> None:
        report = f"{patient}{number}"
        changed = ResourceEvent(
            server="s", resource_type="DiagnosticReport", resource_id=report, version=str(version), deleted=False
        )
        (ident,) = self.run(lambda c: accept(c, [Arrival(event=changed, source="hook", patient=f"Patient/{patient}")]))
        before = self.known.get((report, str(version)))
        assert (ident is None) == (before is not None and before not in self.gone)
        if ident is not None:
            self.known[report, str(version)] = ident

    @rule()
    def claim(self) -> None:
        # As many as there are patients: which of two lanes comes first is then no matter, and each run is repeatable.
        found = self.run(lambda c: claim(c, owner="w", limit=2, lease_ms=_LONG_MS, max_starts=_MAX_STARTS))
        for lease in sorted(found, key=lambda it: it.lane):
            assert lease.event_id not in self.ended
            earlier = [it for it in self._rows() if it.lane == lease.lane and it.id < lease.event_id]
            assert all(it.state != WAITING for it in earlier)  # the oldest of its patient
            self.held = [it for it in self.held if it.lane != lease.lane] + [lease]
        self._learn()
        self.held = [it for it in self.held if it.event_id not in self.ended]

    @rule()
    def lapse(self) -> None:
        """Time passes until every lease and every delay is over."""
        self.run(lambda c: c.execute(update(lane).where(lane.c.due.is_not(None)).values(due=0)))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), state=st.sampled_from([DONE, DEAD]))
    def finish(self, data: st.DataObject, state: str) -> None:
        lease = data.draw(st.sampled_from(self.held))
        self.run(lambda c: settle.finish(c, lease, state, "x" if state == DEAD else None))
        self.held.remove(lease)
        self.ended[lease.event_id] = state

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.held))
        self.run(lambda c: settle.try_again(c, lease, delay_ms=_LONG_MS, reason="x"))
        self.held.remove(lease)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def stop_gracefully(self, data: st.DataObject) -> None:
        some = data.draw(st.lists(st.sampled_from(self.held), unique_by=id))
        self.run(lambda c: settle.give_back(c, some))
        self.held = [it for it in self.held if it not in some]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def taken_over(self, data: st.DataObject) -> None:
        """A worker hangs until its lease is over and another has the lane: nothing that it then says counts."""
        late = data.draw(st.sampled_from(self.held))
        self.lapse()
        self.claim()
        if late in self.held:  # its lane was not among those that were claimed
            return
        before = self._rows()
        for call in (
            lambda c: settle.finish(c, late, DONE),
            lambda c: settle.try_again(c, late, delay_ms=0, reason="x"),
        ):
            with pytest.raises(LeaseLost):
                self.run(call)
        assert self.run(lambda c: settle.prolong(c, [late], _LONG_MS)) == set()
        self.run(lambda c: settle.give_back(c, [late]))
        assert self._rows() == before

    @rule()
    def crash(self) -> None:
        """All workers are gone, and nobody gave anything back."""
        self.held = []

    @rule()
    def purge(self) -> None:
        ended = {it.id for it in self._rows() if it.state in (DONE, SUPERSEDED)}
        assert self.run(lambda c: purge(c, older_than_days=-1)) == len(ended)
        self.run(lambda c: purge_lanes(c, older_than_days=-1))
        self.gone |= ended

    @rule()
    def replay(self) -> None:
        dead = {ident for ident, state in self.ended.items() if state == DEAD and ident not in self.gone}
        assert self.run(lambda c: replay(c)) == len(dead)
        for ident in dead:
            del self.ended[ident]

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = {it.id: it for it in self._rows()}
        assert rows.keys() == set(self.known.values()) - self.gone
        for ident, row in rows.items():
            if row.state == DONE:
                assert self.ended.get(ident) == DONE  # only because a worker said so
            if row.state == WAITING:
                assert ident not in self.ended
        assert all(rows[it.event_id].state == WAITING for it in self.held)

    def teardown(self) -> None:
        """Everything that waits can be worked to its end, in the order of its patient."""
        self.crash()
        for _ in range(200):
            self.lapse()
            leases = self.run(lambda c: claim(c, owner="last", limit=5, lease_ms=_LONG_MS, max_starts=10**6))
            if not leases:
                break
            for lease in leases:
                self.run(lambda c, it=lease: settle.finish(c, it, DONE))  # type: ignore[misc]
        assert all(it.state != WAITING for it in self._rows())
        super().teardown()

    def _learn(self) -> None:
        """What a claim ended on its way: overtaken by a newer version, or started too often."""
        newest: dict[str, int] = {}
        for (report, version), ident in self.known.items():
            if ident not in self.gone:
                newest[report] = max(newest.get(report, 0), int(version))
        for it in self._rows():
            if it.id in self.ended or it.state == WAITING:
                continue
            if it.state == SUPERSEDED:
                assert int(it.version) < newest[it.resource_id]
            else:
                assert it.state == DEAD and it.attempts >= _MAX_STARTS
            self.ended[it.id] = it.state

    def _rows(self) -> list[Any]:
        return list(self.run(lambda c: c.execute(select(event).order_by(event.c.id)).all()))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[type[Inbox]]:
    url = f"sqlite:///{tmp_path}/s.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = open_database(url)
    with asyncio.Runner() as running:

        class OnStore(Inbox):
            database, runner = opened, running

        yield OnStore
        running.run(opened.close())


def run(machine: type[Inbox], examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=limits)


def test_h29_any_order_of_everything(machine: type[Inbox]) -> None:
    run(machine, examples=25, steps=30)


@pytest.mark.soak
def test_h29_any_order_of_everything_at_length(machine: type[Inbox]) -> None:
    run(machine, examples=1500, steps=60)
