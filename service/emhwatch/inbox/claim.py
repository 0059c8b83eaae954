"""Claims due lanes; called inside one write transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from emhwatch.inbox.lease import Lease
from emhwatch.inbox.schema import DEAD, SUPERSEDED, event, lane
from emhwatch.model.event import ResourceEvent
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


_is_stale = _overtaken(event.c)


def claim(connection: Connection, *, owner: str, limit: int, lease_ms: int, max_starts: int) -> list[Lease]:
    """Take the oldest event of up to `limit` due lanes; nobody else gets these lanes until the lease ends.

    On the way an event whose newer version is known is marked as superseded, and one that was started `max_starts`
    times without an end (it takes the process down with it) becomes a dead letter.
    """
    due = connection.execute(
        select(lane.c.lane, lane.c.token, lane.c.event_id)
        .where(lane.c.due <= now_ms())
        .order_by(lane.c.due)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    held = {row.lane: row for row in due}
    heads = _heads(connection, list(held), max_starts)
    if empty := sorted(held.keys() - heads.keys()):
        connection.execute(
            update(lane).where(lane.c.lane.in_(empty)).values(due=None, event_id=None, owner=None, touched=now_ms())
        )
    started = {name: head for name, head in heads.items() if head is not None}
    if not started:
        return []
    connection.execute(
        update(event)
        .where(event.c.id.in_([head.id for head in started.values()]))
        .values(attempts=event.c.attempts + 1)
    )
    connection.execute(
        update(lane)
        .where(lane.c.lane == bindparam("name"))
        .values(
            due=now_ms() + lease_ms, token=lane.c.token + 1, owner=owner, event_id=bindparam("head"), touched=now_ms()
        ),
        [{"name": name, "head": started[name].id} for name in sorted(started)],
    )
    return [_lease(head, held[name]) for name, head in started.items()]


def _heads(connection: Connection, lanes: list[str], max_starts: int) -> dict[str, Row[tuple[object, ...]] | None]:
    """The oldest event of each lane that is fit to run; None where the lane holds too many stale ones for one pass."""
    heads: dict[str, Row[tuple[object, ...]] | None] = {}
    for _ in range(_ROUNDS):
        if not lanes:
            break
        oldest = (
            select(event.c.id)
            .where(event.c.lane == lane.c.lane, event.c.finished.is_(None))
            .order_by(event.c.id)
            .limit(1)
            .correlate(lane)
            .scalar_subquery()
        )
        rows = connection.execute(
            select(event, _is_stale.label("stale"), now_ms().label("now")).where(
                event.c.id.in_(select(oldest).where(lane.c.lane.in_(lanes)))
            )
        ).all()
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
    connection.execute(
        update(event)
        .where(event.c.id.in_(ids))
        .values(state=state, finished=now_ms(), reason=func.coalesce(reason, event.c.reason))
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
        lapsed=held.event_id is not None,
    )
