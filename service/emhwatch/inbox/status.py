"""What stands in the inbox, for people, readiness and metrics; and what a person does about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from emhwatch.inbox.accept import make_due
from emhwatch.inbox.schema import DEAD, DONE, SUPERSEDED, WAITING, event, lane
from emhwatch.store.schema import now_ms


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of now."""

    waiting: int
    dead: int
    done: int
    oldest_s: float  #: age of the oldest waiting event, 0.0 when none waits


@dataclass(frozen=True, slots=True)
class Item:
    """One event, without anything of a patient but its own reference."""

    id: int
    reference: str
    version: str
    source: str
    state: str
    attempts: int
    reason: str | None
    accepted_ms: int


def counts(connection: Connection) -> Counts:
    """How much is where."""
    states = connection.execute(select(event.c.state, func.count()).group_by(event.c.state)).all()
    by_state: dict[str, int] = {row[0]: row[1] for row in states}
    oldest = connection.execute(select(func.min(event.c.accepted), now_ms()).where(event.c.finished.is_(None))).one()
    age = (oldest[1] - oldest[0]) / 1000 if oldest[0] is not None else 0.0
    return Counts(by_state.get(WAITING, 0), by_state.get(DEAD, 0), by_state.get(DONE, 0), age)


def items(
    connection: Connection, *, state: str | None = None, limit: int = 100, ident: int | None = None
) -> list[Item]:
    """Events, newest first."""
    query = select(event).order_by(event.c.id.desc()).limit(limit)
    if state:
        query = query.where(event.c.state == state)
    if ident is not None:
        query = query.where(event.c.id == ident)
    return [
        Item(r.id, f"{r.resource_type}/{r.resource_id}", r.version, r.source, r.state, r.attempts, r.reason, r.accepted)
        for r in connection.execute(query)
    ]


def replay(connection: Connection, ids: Sequence[int] | None = None) -> int:
    """Let dead letters run again, all or those named; returns how many."""
    query = select(event.c.id, event.c.lane).where(event.c.state == DEAD)
    if ids is not None:
        query = query.where(event.c.id.in_(ids))
    rows = connection.execute(query.with_for_update()).all()
    if rows:
        connection.execute(
            update(event)
            .where(event.c.id.in_([r.id for r in rows]))
            .values(state=WAITING, finished=None, attempts=0, reason=None)
        )
        make_due(connection, {r.lane for r in rows})
    return len(rows)


def purge(
    connection: Connection,
    *,
    older_than_days: float,
    states: Sequence[str] = (DONE, SUPERSEDED),
    most: int | None = None,
) -> int:
    """Delete finished events that are old, at most so many; returns how many."""
    old = select(event.c.id).where(event.c.state.in_(states), event.c.finished < _days_ago(older_than_days)).limit(most)
    return int(connection.execute(delete(event).where(event.c.id.in_(old))).rowcount)


def purge_lanes(connection: Connection, *, older_than_days: float) -> int:
    """Delete the lanes in which nothing has happened for so long; returns how many. A new event makes its lane anew."""
    idle = delete(lane).where(lane.c.due.is_(None), lane.c.touched < _days_ago(older_than_days))
    return int(connection.execute(idle).rowcount)


def _days_ago(days: float) -> ColumnElement[int]:
    return now_ms() - int(days * 86_400_000)
