"""Ends, prolongs or gives back what is claimed; called inside one write transaction.

Everything here first takes the lane's row with the lease's token: a worker whose lease was taken over changes nothing.
"""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, bindparam, select, update

from emhwatch.inbox.claim import finish_events
from emhwatch.inbox.lease import Lease, LeaseLost
from emhwatch.inbox.schema import event, lane
from emhwatch.store.schema import now_ms

_held = update(lane).where(
    lane.c.lane == bindparam("of"), lane.c.token == bindparam("by_token"), lane.c.event_id == bindparam("held")
)
#: Without a delay the lane is left empty.
_release = _held.values(
    event_id=None, owner=None, touched=now_ms(), due=now_ms() + bindparam("delay", type_=BigInteger)
)
_prolong = _held.values(due=now_ms() + bindparam("delay", type_=BigInteger))
_go_on = (
    update(lane)
    .where(
        lane.c.lane == bindparam("of"),
        select(event.c.id).where(event.c.lane == bindparam("of"), event.c.finished.is_(None)).exists(),
    )
    .values(due=now_ms())
)
_note = update(event).where(event.c.id == bindparam("held")).values(reason=bindparam("why"))
_unstart = (
    update(event).where(event.c.id == bindparam("held"), event.c.attempts > 0).values(attempts=event.c.attempts - 1)
)


def finish(connection: Connection, lease: Lease, state: str, reason: str | None = None) -> bool:
    """The event is over: `done` or `dead`; the lane goes on with its next. Returns whether there is one.

    Raises:
        LeaseLost: another worker took the event over.
    """
    _let_go(connection, lease, None)
    finish_events(connection, [lease.event_id], state, reason)
    # A new statement after the lock: on PostgreSQL it sees an event that was accepted while we waited for the row.
    return connection.execute(_go_on, {"of": lease.lane}).rowcount > 0


def try_again(connection: Connection, lease: Lease, *, delay_ms: int, reason: str) -> None:
    """The event failed and stays first of its lane until `delay_ms` from now.

    Raises:
        LeaseLost: another worker took the event over.
    """
    _let_go(connection, lease, delay_ms)
    connection.execute(_note, {"held": lease.event_id, "why": reason})


def give_back(connection: Connection, leases: Sequence[Lease]) -> None:
    """Return events unworked, as if never claimed; those that were taken over are left alone."""
    for lease in sorted(leases, key=lambda it: it.lane):
        try:
            _let_go(connection, lease, 0)
        except LeaseLost:
            continue
        connection.execute(_unstart, {"held": lease.event_id})


def prolong(connection: Connection, leases: Sequence[Lease], lease_ms: int) -> set[int]:
    """Heartbeat: move the end of the leases; returns the event ids that are still ours."""
    return {
        lease.event_id
        for lease in sorted(leases, key=lambda it: it.lane)
        if connection.execute(_prolong, {**_of(lease), "delay": lease_ms}).rowcount
    }


def _let_go(connection: Connection, lease: Lease, delay_ms: int | None) -> None:
    if not connection.execute(_release, {**_of(lease), "delay": delay_ms}).rowcount:
        raise LeaseLost


def _of(lease: Lease) -> dict[str, object]:
    return {"of": lease.lane, "by_token": lease.token, "held": lease.event_id}
