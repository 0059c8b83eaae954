"""Puts arrivals into the inbox; called inside one write transaction.

On PostgreSQL it is one statement, so that `Database.write(..., alone=True)` needs no round trip for BEGIN and COMMIT.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Executable, Select, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from emhwatch.inbox.arrival import Arrival, lane_of, version_number
from emhwatch.inbox.schema import WAITING, event, lane
from emhwatch.store.rows import packed, unpacked
from emhwatch.store.schema import now_ms

_Key = tuple[str, str, str, str, bool]


def accept(connection: Connection, arrivals: Sequence[Arrival]) -> list[int | None]:
    """Store what is new and make its lanes due.

    Returns:
        For each arrival its event id, or None for one that is known already.
    """
    rows: dict[_Key, list[object]] = {}
    for arrival in arrivals:
        rows.setdefault(_key(arrival), _row(arrival))
    if not rows:
        return []
    # Sorted, and events before lanes: two replicas that accept the same never wait for each other in a circle.
    ordered = packed([rows[key] for key in sorted(rows)])
    if connection.dialect.name == "postgresql":
        found = connection.execute(_store_and_make_due(), ordered).all()
    else:
        found = connection.execute(_store(connection.dialect.name), ordered).all()
        make_due(connection, {row.lane for row in found})
    ids: dict[_Key, int] = {tuple(row[1:6]): row.id for row in found}
    return [ids.pop(_key(arrival), None) for arrival in arrivals]


def make_due(connection: Connection, lanes: set[str]) -> None:
    """Make lanes due that have nothing due; one in work or in back-off keeps its instant.

    The row is locked even when nothing changes: whoever finishes the lane's last event at this moment either sees
    the new event afterwards, or has left the lane empty before and this makes it due again.
    """
    if not lanes:
        return
    connection.execute(_make_due(connection.dialect.name), packed([[name] for name in sorted(lanes)]))


_COLUMNS = (
    event.c.server,
    event.c.resource_type,
    event.c.resource_id,
    event.c.version,
    event.c.deleted,
    event.c.version_number,
    event.c.lane,
    event.c.source,
    event.c.trace,
)


@lru_cache
def _store(dialect: str) -> ReturningInsert[Any]:
    given = unpacked(dialect, *_COLUMNS)
    return (
        _insert(dialect)(event)
        .from_select(
            [*_COLUMNS, event.c.state, event.c.attempts, event.c.accepted],
            given.add_columns(literal(WAITING), literal(0), now_ms()),
        )
        .on_conflict_do_nothing()
        .returning(event.c.id, *_COLUMNS[:5], event.c.lane)
    )


@lru_cache
def _store_and_make_due() -> Executable:
    stored = _store("postgresql").cte("stored")
    # Sorting reads all of `stored` before the first lane is touched.
    lanes = _due("postgresql", select(stored.c.lane).distinct().order_by(stored.c.lane))
    return select(stored).add_cte(lanes.cte("made_due"))


@lru_cache
def _make_due(dialect: str) -> Executable:
    return _due(dialect, unpacked(dialect, lane.c.lane))


def _due(dialect: str, lanes: Select[Any]) -> postgresql.Insert | sqlite.Insert:
    statement = _insert(dialect)(lane).from_select(
        [lane.c.lane, lane.c.due, lane.c.token, lane.c.touched],
        lanes.add_columns(now_ms(), literal(0), now_ms()),
    )
    return statement.on_conflict_do_update(
        index_elements=[lane.c.lane], set_={"due": func.coalesce(lane.c.due, statement.excluded.due)}
    )


def _insert(dialect: str) -> type[postgresql.Insert] | type[sqlite.Insert]:
    return postgresql.Insert if dialect == "postgresql" else sqlite.Insert


def _key(arrival: Arrival) -> _Key:
    it = arrival.event
    # A version names one change, whether it was a deletion or not; without one the two are told apart.
    return (it.server, it.resource_type, it.resource_id, it.version or "", it.deleted)


def _row(arrival: Arrival) -> list[object]:
    it = arrival.event
    lane_name = lane_of(it.server, arrival.patient, it.reference)
    return [*_key(arrival), version_number(it.version), lane_name, arrival.source, arrival.trace]
