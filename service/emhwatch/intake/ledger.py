"""What intake remembers in the data store; each function works inside one transaction of its caller."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from emhwatch.intake.heard import Hearing
from emhwatch.intake.numbers import Count
from emhwatch.intake.schema import duty, subscription, watermark
from emhwatch.store.schema import now_ms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One Subscription as it was heard; ages in seconds by the clock of the data store."""

    slot: str
    heard_s: float | None = None
    heartbeat_s: float | None = None
    behind_s: float | None = None  #: for how long numbers have been missing
    count: Count = field(default_factory=Count)
    gaps: int = 0
    missed: int = 0


def reached(connection: Connection, server: str) -> dict[str, datetime]:
    """How far the search has come, by type."""
    rows = connection.execute(
        select(watermark.c.resource_type, watermark.c.reached).where(watermark.c.server == server)
    )
    return {row.resource_type: _EPOCH + timedelta(milliseconds=row.reached) for row in rows}


def reach(connection: Connection, server: str, instants: Mapping[str, datetime]) -> None:
    """Everything of a type up to its instant was taken in; never goes back."""
    for kind in sorted(instants):
        millisecond = (instants[kind] - _EPOCH) // timedelta(milliseconds=1)
        statement = _insert(connection, watermark).values(server=server, resource_type=kind, reached=millisecond)
        new = statement.excluded.reached
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["server", "resource_type"],
                set_={"reached": case((new > watermark.c.reached, new), else_=watermark.c.reached)},
            )
        )


def write_heard(connection: Connection, server: str, heard: Mapping[str, Hearing]) -> None:
    """Note what Subscriptions told."""
    for slot in sorted(heard):  # the same order in all replicas: none waits for another in a circle
        hearing = heard[slot]
        _ensure(connection, server, slot)
        row = connection.execute(select(subscription).where(*_at(server, slot)).with_for_update()).one()
        count = Count(row.number, row.expected, frozenset(json.loads(row.seen)))
        count = count.restarted(hearing.total) if hearing.handshake else count
        count = count.with_events(hearing.numbers, hearing.total)
        values: dict[str, object] = {"heard": now_ms(), **_count(count)}
        values["behind"] = func.coalesce(subscription.c.behind, now_ms()) if count.missing else None
        if hearing.heartbeat:
            values["heartbeat"] = now_ms()
        connection.execute(update(subscription).where(*_at(server, slot)).values(values))


def lines(connection: Connection, server: str) -> dict[str, Line]:
    """All Subscriptions that were heard of, by slot."""
    rows = connection.execute(select(subscription, now_ms().label("now")).where(subscription.c.server == server))
    return {
        row.slot: Line(
            slot=row.slot,
            heard_s=_age_s(row.heard, row.now),
            heartbeat_s=_age_s(row.heartbeat, row.now),
            behind_s=_age_s(row.behind, row.now),
            count=Count(row.number, row.expected, frozenset(json.loads(row.seen))),
            gaps=row.gaps,
            missed=row.missed,
        )
        for row in rows
    }


def close_gap(connection: Connection, server: str, slot: str, upto: int) -> None:
    """The numbers up to `upto` were looked for; later ones may have become missing meanwhile."""
    row = connection.execute(select(subscription).where(*_at(server, slot)).with_for_update()).one_or_none()
    if row is None or row.number is None or row.number >= upto:
        return
    count = Count(upto, max(upto, row.expected or 0)).with_events(json.loads(row.seen), None)
    connection.execute(
        update(subscription)
        .where(*_at(server, slot))
        .values(**_count(count), behind=now_ms() if count.missing else None, gaps=subscription.c.gaps + 1)
    )


def add_missed(connection: Connection, server: str, slot: str, number: int) -> None:
    """The search found what no notification told."""
    _ensure(connection, server, slot)
    connection.execute(update(subscription).where(*_at(server, slot)).values(missed=subscription.c.missed + number))


def forget(connection: Connection, server: str, slots: Sequence[str]) -> None:
    """Nothing was heard through a Subscription that was just made."""
    connection.execute(
        update(subscription)
        .where(subscription.c.server == server, subscription.c.slot.in_(slots))
        .values(heard=None, heartbeat=None, behind=None, **_count(Count()))
    )


def take_duty(connection: Connection, server: str, owner: str, *, for_s: float) -> bool:
    """Whether `owner` looks after the server for the next seconds; it does until another finds the time over."""
    statement = _insert(connection, duty).values(server=server, owner=owner, until=now_ms() + int(for_s * 1000))
    statement = statement.on_conflict_do_update(
        index_elements=["server"],
        set_={"owner": statement.excluded.owner, "until": statement.excluded.until},
        where=or_(duty.c.owner == owner, duty.c.until < now_ms()),
    )
    # The row tells; `rowcount` of an INSERT is not the same with every driver.
    return connection.execute(statement.returning(duty.c.owner)).first() is not None


def _ensure(connection: Connection, server: str, slot: str) -> None:
    row = {"server": server, "slot": slot, "seen": "[]", "gaps": 0, "missed": 0}
    connection.execute(_insert(connection, subscription).values(row).on_conflict_do_nothing())


def _count(count: Count) -> dict[str, object]:
    return {"number": count.number, "expected": count.expected, "seen": json.dumps(sorted(count.seen))}


def _at(server: str, slot: str) -> tuple[ColumnElement[bool], ...]:
    return subscription.c.server == server, subscription.c.slot == slot


def _age_s(instant: int | None, now: int) -> float | None:
    return None if instant is None else max(0.0, (now - instant) / 1000)


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
