"""Ends, prolongs or gives back what is claimed; called inside one write transaction.

Everything here first takes the lane's row with the lease's token: a worker whose lease was taken over changes nothing.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Update, select, update

from emhwatch.inbox.claim import finish_events
from emhwatch.inbox.lease import Lease, LeaseLost
from emhwatch.inbox.schema import event, lane
from emhwatch.store.schema import now_ms


def finish(connection: Connection, lease: Lease, state: str, reason: str | None = None) -> None:
    """The event is over: `done` or `dead`; the lane goes on with its next.

    Raises:
        LeaseLost: another worker took the event over.
    """
    _hold(connection, lease)
    finish_events(connection, [lease.event_id], state, reason)
    # A new statement after the lock: on PostgreSQL it sees an event that was accepted while we waited for the row.
    more = connection.scalar(
        select(event.c.id).where(event.c.lane == lease.lane, event.c.finished.is_(None)).order_by(event.c.id).limit(1)
    )
    connection.execute(_free(lease.lane).values(due=None if more is None else now_ms()))


def try_again(connection: Connection, lease: Lease, *, delay_ms: int, reason: str) -> None:
    """The event failed and stays first of its lane until `delay_ms` from now.

    Raises:
        LeaseLost: another worker took the event over.
    """
    _hold(connection, lease)
    connection.execute(update(event).where(event.c.id == lease.event_id).values(reason=reason))
    connection.execute(_free(lease.lane).values(due=now_ms() + delay_ms))


def give_back(connection: Connection, leases: Sequence[Lease]) -> None:
    """Return events unworked, as if never claimed; those that were taken over are left alone."""
    for lease in sorted(leases, key=lambda it: it.lane):
        try:
            _hold(connection, lease)
        except LeaseLost:
            continue
        _unstart(connection, lease)
        connection.execute(_free(lease.lane).values(due=now_ms()))


def prolong(connection: Connection, leases: Sequence[Lease], lease_ms: int) -> set[int]:
    """Heartbeat: move the end of the leases; returns the event ids that are still ours."""
    ours = set()
    for lease in sorted(leases, key=lambda it: it.lane):
        changed = connection.execute(
            update(lane)
            .where(lane.c.lane == lease.lane, lane.c.token == lease.token, lane.c.event_id == lease.event_id)
            .values(due=now_ms() + lease_ms)
        )
        if changed.rowcount:
            ours.add(lease.event_id)
    return ours


def _hold(connection: Connection, lease: Lease) -> None:
    held = connection.scalar(
        select(lane.c.lane)
        .where(lane.c.lane == lease.lane, lane.c.token == lease.token, lane.c.event_id == lease.event_id)
        .with_for_update()
    )
    if held is None:
        raise LeaseLost


def _free(name: str) -> Update:
    return update(lane).where(lane.c.lane == name).values(event_id=None, owner=None, touched=now_ms())


def _unstart(connection: Connection, lease: Lease) -> None:
    connection.execute(
        update(event).where(event.c.id == lease.event_id, event.c.attempts > 0).values(attempts=event.c.attempts - 1)
    )
