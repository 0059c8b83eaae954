"""Claims due lanes; called inside one write transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, Select, bindparam, func, select, update
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from emhwatch.inbox.lease import Lease
from emhwatch.inbox.schema import DEAD, SUPERSEDED, event, lane
from emhwatch.model.event import ResourceEvent
from emhwatch.store.rows import packed, unpacked
from emhwatch.store.schema import now_ms

_LOOK = 200  #: waiting events of one lane that are looked at once for newer versions
_ROUNDS = 20

_newer = event.alias("newer")


def _overtaken(columns: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Whether a newer version of the event with these columns is known."""
    return (
        select(1)
        .where(
            _newer.c.server == columns.server,
            _newer.c.resource_type == columns.resource_type,
            _newer.c.resource_id == columns.resource_id,
            _newer.c.version_number > columns.version_number,
        )
        .exists()
    )


_due = (
    select(lane.c.lane, lane.c.token, lane.c.event_id)
    .where(lane.c.due <= now_ms())
    .order_by(lane.c.due)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


@lru_cache
def _oldest(dialect: str) -> Select[Any]:
    """The oldest waiting event of each lane that is given."""
    given = unpacked(dialect, lane.c.lane).subquery("named")
    oldest = (
        select(event.c.id)
        .where(event.c.lane == given.c.lane, event.c.finished.is_(None))
        .order_by(event.c.id)
        .limit(1)
        .correlate(given)
        .scalar_subquery()
    )
    return select(event, _overtaken(event.c).label("stale"), now_ms().label("now")).where(
        event.c.id.in_(select(oldest).select_from(given))
    )


@lru_cache
def _start(dialect: str) -> tuple[Executable, Executable]:
    """Count the start of the events that are given with their lanes; put a lease on the lanes."""
    given = unpacked(dialect, lane.c.lane, event.c.id).subquery("named")
    count = update(event).where(event.c.id.in_(select(given.c.id))).values(attempts=event.c.attempts + 1)
    hold = (
        update(lane)
        .where(lane.c.lane == given.c.lane)
        .values(
            due=now_ms() + bindparam("lease_ms"),
            token=lane.c.token + 1,
            owner=bindparam("by"),
            event_id=given.c.id,
            touched=now_ms(),
        )
    )
    return count, hold


def claim(connection: Connection, *, owner: str, limit: int, lease_ms: int, max_starts: int) -> list[Lease]:
    """Take the oldest event of up to `limit` due lanes; nobody else gets these lanes until the lease ends.

    On the way an event whose newer version is known is marked as superseded, and one that was started `max_starts`
    times without an end (it takes the process down with it) becomes a dead letter. Fewer leases than `limit` mean
    that nothing more is due.
    """
    leases: list[Lease] = []
    for _ in range(_ROUNDS):
        found, ended = _claim(connection, owner, limit - len(leases), lease_ms, max_starts)
        leases += found
        if not ended or len(leases) == limit:
            break
    return leases


def due_in_ms(connection: Connection) -> int | None:
    """How long until a lane is due: a retry, or the end of a lease that nobody may have prolonged; None: nothing is."""
    first = connection.execute(select(func.min(lane.c.due), now_ms()).where(lane.c.due.is_not(None))).one()
    return None if first[0] is None else max(0, int(first[0]) - int(first[1]))


def _claim(connection: Connection, owner: str, limit: int, lease_ms: int, max_starts: int) -> tuple[list[Lease], bool]:
    """One round; with the leases whether lanes came out empty, so that others may be due behind them."""
    due = connection.execute(_due, {"most": limit}).all()
    if not due:
        return [], False
    held = {row.lane: row for row in due}
    heads = _heads(connection, list(held), max_starts)
    if empty := sorted(held.keys() - heads.keys()):
        connection.execute(
            update(lane).where(lane.c.lane.in_(empty)).values(due=None, event_id=None, owner=None, touched=now_ms())
        )
    started = {name: head for name, head in heads.items() if head is not None}
    if started:
        count, hold = _start(connection.dialect.name)
        rows = packed([[name, started[name].id] for name in sorted(started)])
        connection.execute(count, rows)
        connection.execute(hold, {**rows, "lease_ms": lease_ms, "by": owner})
    return [_lease(head, held[name]) for name, head in started.items()], bool(empty)


def _heads(connection: Connection, lanes: list[str], max_starts: int) -> dict[str, Row[tuple[object, ...]] | None]:
    """The oldest event of each lane that is fit to run; None where the lane holds too many stale ones for one pass."""
    heads: dict[str, Row[tuple[object, ...]] | None] = {}
    for _ in range(_ROUNDS):
        if not lanes:
            break
        rows = connection.execute(_oldest(connection.dialect.name), packed([[name] for name in lanes])).all()
        heads |= {row.lane: row for row in rows}
        worn = [row.id for row in rows if not row.stale and row.attempts >= max_starts]
        if worn:
            finish_events(connection, worn, DEAD, "started-too-often")
        stale = [row.lane for row in rows if row.stale]
        for name in stale:
            _supersede(connection, name)
        lanes = [row.lane for row in rows if row.stale or row.id in worn]
        for name in lanes:
            heads.pop(name)
    return heads | dict.fromkeys(lanes)


def _supersede(connection: Connection, name: str) -> None:
    first = (
        select(event)
        .where(event.c.lane == name, event.c.finished.is_(None))
        .order_by(event.c.id)
        .limit(_LOOK)
        .subquery("first")
    )
    ids = connection.scalars(select(first.c.id).where(_overtaken(first.c))).all()
    finish_events(connection, ids, SUPERSEDED, None)


def finish_events(connection: Connection, ids: Sequence[int], state: str, reason: str | None) -> None:
    """Set the final state of events."""
    connection.execute(_finish(connection.dialect.name), {**packed([[i] for i in ids]), "to": state, "why": reason})


@lru_cache
def _finish(dialect: str) -> Executable:
    given = unpacked(dialect, event.c.id).subquery("named")
    return (
        update(event)
        .where(event.c.id.in_(select(given.c.id)))
        .values(
            state=bindparam("to"),
            finished=now_ms(),
            reason=func.coalesce(bindparam("why", type_=event.c.reason.type), event.c.reason),
        )
    )


def _lease(head: Row[*tuple[Any, ...]], held: Row[*tuple[Any, ...]]) -> Lease:
    return Lease(
        event_id=head.id,
        event=ResourceEvent(
            server=head.server,
            resource_type=head.resource_type,
            resource_id=head.resource_id,
            version=head.version or None,
            deleted=head.deleted,
            received=datetime.fromtimestamp(head.accepted / 1000, UTC),
        ),
        lane=head.lane,
        token=held.token + 1,
        attempt=head.attempts + 1,
        accepted_ms=head.accepted,
        waited_ms=max(0, head.now - head.accepted),
        trace=head.trace or "",
        lapsed=held.event_id is not None,
    )
