"""What we know of the server, durable: read and written in the data store's own transactions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from emhwatch.errors import FhirConflict
from emhwatch.model.assessment import Assessment
from emhwatch.publish.lifecycle import Standing
from emhwatch.publish.observation import ResourceSet
from emhwatch.publish.schema import CONFIRMED, PLANNED, SENT, published_device, published_resource, published_set
from emhwatch.store.schema import now_ms

_CONFIRM = update(published_resource).where(
    published_resource.c.server == bindparam("host"), published_resource.c.identifier == bindparam("place")
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one evaluation."""

    todo: bool  #: False: nothing to send
    reason: str  #: "write", "same", "stale", "rules", "silent"
    standing: Mapping[str, Standing]
    new_version: bool = False
    open_before: bool = False  #: an earlier attempt ended without a known outcome


def inputs_of(assessment: Assessment) -> str:
    """Digest of the versioned references that an evaluation used."""
    return hashlib.sha256("\n".join(sorted(set(assessment.sources))).encode()).hexdigest()


def number(version: str | None) -> int | None:
    """A version as a number, when it is one."""
    return int(version) if version and version.isdecimal() and len(version) < 18 else None


def plan(
    connection: Connection,
    server: str,
    assessment: Assessment,
    made: ResourceSet,
    *,
    owner: str,
    lease_s: float,
    send: bool,
    deliberate: bool,
) -> Plan:
    """Decide, take the lease of this report and mark everything as sent, in one transaction.

    Raises:
        FhirConflict: another worker is writing this report.
    """
    row = _row(connection, server, made.focus, lock=True)
    now = int(connection.execute(select(now_ms())).scalar_one())
    if row is not None and row["lease"] not in (None, owner) and row["lease_until"] > now:
        raise FhirConflict("Another worker is writing the results of this report.")
    standing = _standing(connection, server, made.focus)
    was_open = row is not None and row["state"] == SENT
    reason = _why_not(row, assessment, made, standing, deliberate)
    if reason:
        return Plan(False, reason, standing)
    values: dict[str, Any] = {
        "patient": assessment.patient,
        "version": made.version,
        "version_number": number(made.version),
        "rules": assessment.rules.digest,
        "inputs": inputs_of(assessment),
        "evaluation": made.evaluation,
        "state": SENT if send else PLANNED,
        "tier": assessment.tier,
        "row": assessment.row,
        "indicator": assessment.indicator,
        "card": assessment.card,
        "lease": owner if send else None,
        "lease_until": now + int(lease_s * 1000) if send else None,
    }
    if row:
        connection.execute(update(published_set).where(*_is(published_set, server, made.focus)).values(values))
    else:
        try:
            connection.execute(insert(published_set).values(server=server, focus=made.focus, **values))
        except IntegrityError:  # another replica began with the same report in this moment
            raise FhirConflict("Another worker is writing the results of this report.") from None
    fresh = [
        {
            "server": server,
            "identifier": resource["identifier"][0]["value"],
            "focus": made.focus,
            "slot": slot,
            "kind": resource["resourceType"],
            "state": SENT if send else PLANNED,
            "retired": False,
        }
        for slot, resource in made.slots.items()
        if slot not in standing
    ]
    if fresh:
        connection.execute(insert(published_resource), fresh)
    changed = row is not None and row["version"] != made.version
    if not send:
        return Plan(False, "silent", standing)
    return Plan(True, "write", standing, new_version=changed, open_before=was_open)


def confirm(connection: Connection, server: str, focus: str, standing: Sequence[Standing]) -> None:
    """Keep what the server confirmed, and give the lease back."""
    if standing:
        connection.execute(
            _CONFIRM, [{"place": there.identifier, "host": server, **_columns(there)} for there in standing]
        )
    connection.execute(
        update(published_set)
        .where(*_is(published_set, server, focus))
        .values(state=CONFIRMED, written=now_ms(), lease=None, lease_until=None)
    )


def give_up(connection: Connection, server: str, focus: str, owner: str) -> None:
    """Give the lease back after a failure; what was sent stays open and is looked up first next time."""
    connection.execute(
        update(published_set)
        .where(*_is(published_set, server, focus), published_set.c.lease == owner)
        .values(lease=None, lease_until=None)
    )


def patient_of(connection: Connection, server: str, focus: str) -> str | None:
    """The patient that a report had when its results were written."""
    row = _row(connection, server, focus)
    return row["patient"] if row else None


def evaluation_of(connection: Connection, server: str, focus: str) -> str | None:
    """The evaluation that was sent last."""
    row = _row(connection, server, focus)
    return row["evaluation"] if row else None


def device_of(connection: Connection, server: str, identifier: str) -> str | None:
    """The id of a Device on the server."""
    return connection.execute(
        select(published_device.c.resource_id).where(
            published_device.c.server == server, published_device.c.identifier == identifier
        )
    ).scalar()


def keep_device(connection: Connection, server: str, identifier: str, resource_id: str) -> None:
    """Remember the id of a Device."""
    connection.execute(
        delete(published_device).where(published_device.c.server == server, published_device.c.identifier == identifier)
    )
    connection.execute(insert(published_device).values(server=server, identifier=identifier, resource_id=resource_id))


def open_reports(connection: Connection, limit: int = 1000) -> list[tuple[str, str]]:
    """Server and focus of every write whose outcome is not known and that nobody works on."""
    rows = connection.execute(
        select(published_set.c.server, published_set.c.focus)
        .where(
            published_set.c.state == SENT,
            (published_set.c.lease_until.is_(None)) | (published_set.c.lease_until <= now_ms()),
        )
        .limit(limit)
    )
    return [(server, focus) for server, focus in rows]


def reports(connection: Connection, server: str, *, patient: str | None, other_rules: str | None) -> list[str]:
    """Reports with results, of one patient or of all, or only those written with another rule set."""
    query = select(published_set.c.focus).where(published_set.c.server == server).order_by(published_set.c.focus)
    if patient:
        query = query.where(published_set.c.patient == patient)
    if other_rules:
        query = query.where(published_set.c.rules != other_rules)
    return list(connection.execute(query).scalars())


def standing_of(connection: Connection, server: str, focus: str) -> dict[str, Standing]:
    """What stands on the server for one report, by slot."""
    return _standing(connection, server, focus)


def _why_not(
    row: RowMapping | None,
    assessment: Assessment,
    made: ResourceSet,
    standing: Mapping[str, Standing],
    deliberate: bool,
) -> str | None:
    if row is None or row["state"] == PLANNED:
        return None
    mine, theirs = number(made.version), row["version_number"]
    if mine is not None and theirs is not None and mine < theirs:
        return "stale"
    if row["state"] == SENT:
        return None
    if row["evaluation"] == made.evaluation:
        whole = all(slot in standing and not standing[slot].retired for slot in made.slots)
        return "same" if whole else None
    same_inputs = row["inputs"] == inputs_of(assessment) and row["version"] == made.version
    return "rules" if same_inputs and row["rules"] != assessment.rules.digest and not deliberate else None


def _row(connection: Connection, server: str, focus: str, *, lock: bool = False) -> RowMapping | None:
    query = select(published_set).where(*_is(published_set, server, focus))
    return connection.execute(query.with_for_update() if lock else query).mappings().first()


def _standing(connection: Connection, server: str, focus: str) -> dict[str, Standing]:
    rows = connection.execute(select(published_resource).where(*_is(published_resource, server, focus))).mappings()
    return {
        row["slot"]: Standing(
            row["identifier"],
            row["slot"],
            row["kind"],
            row["resource_id"],
            row["version"],
            row["status"],
            row["evaluation"],
            row["retired"],
            certain=row["state"] != SENT,
        )
        for row in rows
    }


def _columns(there: Standing) -> dict[str, Any]:
    return {
        "state": CONFIRMED,
        "resource_id": there.resource_id,
        "version": there.version,
        "status": there.status,
        "evaluation": there.evaluation,
        "retired": there.retired,
    }


def _is(table: Any, server: str, focus: str) -> tuple[Any, Any]:  # noqa: ANN401 - a SQLAlchemy Table
    return table.c.server == server, table.c.focus == focus
