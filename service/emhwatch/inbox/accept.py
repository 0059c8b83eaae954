"""Puts arrivals into the inbox; called inside one write transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, func
from sqlalchemy.dialects import postgresql, sqlite

from emhwatch.inbox.arrival import Arrival, lane_of, version_number
from emhwatch.inbox.schema import WAITING, event, lane
from emhwatch.store.schema import now_ms

_Key = tuple[str, str, str, str, bool]


def accept(connection: Connection, arrivals: Sequence[Arrival]) -> list[int | None]:
    """Store what is new and make its lanes due.

    Returns:
        For each arrival its event id, or None for one that is known already.
    """
    rows: dict[_Key, dict[str, object]] = {}
    for arrival in arrivals:
        rows.setdefault(_key(arrival), _row(arrival))
    if not rows:
        return []
    # Sorted, and events before lanes: two replicas that accept the same never wait for each other in a circle.
    ordered = [rows[key] for key in sorted(rows)]
    insert = _insert(connection)
    found = connection.execute(
        insert(event)
        .values(accepted=now_ms())
        .on_conflict_do_nothing()
        .returning(
            event.c.id,
            event.c.server,
            event.c.resource_type,
            event.c.resource_id,
            event.c.version,
            event.c.deleted,
            event.c.lane,
        ),
        ordered,
    ).all()
    ids: dict[_Key, int] = {(r.server, r.resource_type, r.resource_id, r.version, r.deleted): r.id for r in found}
    make_due(connection, {r.lane for r in found})
    return [ids.pop(_key(arrival), None) for arrival in arrivals]


def make_due(connection: Connection, lanes: set[str]) -> None:
    """Make lanes due that have nothing due; one in work or in back-off keeps its instant.

    The row is locked even when nothing changes: whoever finishes the lane's last event at this moment either sees
    the new event afterwards, or has left the lane empty before and this makes it due again.
    """
    if not lanes:
        return
    statement = _insert(connection)(lane).values(due=now_ms(), token=0, touched=now_ms())
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[lane.c.lane], set_={"due": func.coalesce(lane.c.due, statement.excluded.due)}
        ),
        [{"lane": name} for name in sorted(lanes)],
    )


def _insert(connection: Connection) -> type[postgresql.Insert] | type[sqlite.Insert]:
    return postgresql.Insert if connection.dialect.name == "postgresql" else sqlite.Insert


def _key(arrival: Arrival) -> _Key:
    it = arrival.event
    # A version names one change, whether it was a deletion or not; without one the two are told apart.
    return (it.server, it.resource_type, it.resource_id, it.version or "", it.deleted)


def _row(arrival: Arrival) -> dict[str, object]:
    it = arrival.event
    return {
        "server": it.server,
        "resource_type": it.resource_type,
        "resource_id": it.resource_id,
        "version": it.version or "",
        "version_number": version_number(it.version),
        "deleted": it.deleted,
        "lane": lane_of(it.server, arrival.patient, it.reference),
        "source": arrival.source,
        "state": WAITING,
        "attempts": 0,
    }
