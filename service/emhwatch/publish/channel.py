"""Alerts outside a hook: kept in the transaction that confirms an assessment, so that none is lost or doubled.

A card that nobody would see until the next order goes to the channels of the site. Without a channel a critical
result is listed as undelivered. What no longer holds is cancelled, or withdrawn where it was delivered already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, update

from emhwatch.model.assessment import Assessment
from emhwatch.publish.alert import due
from emhwatch.publish.identity import output_id
from emhwatch.publish.observation import ResourceSet
from emhwatch.publish.options import WriteOptions
from emhwatch.publish.schema import CANCELLED, DELIVERED, PENDING, UNDELIVERED, alert, event_card
from emhwatch.store.schema import now_ms
from emhwatch.types import Indicator

RAISED, WITHDRAWN = "raised", "withdrawn"


@dataclass(frozen=True, slots=True)
class AlertLedger:
    """`publish.writer.AlertSink` on the data store."""

    options: WriteOptions
    webhook: bool

    def record(
        self,
        connection: Connection,
        server: str,
        assessment: Assessment,
        made: ResourceSet,
        references: Mapping[str, str],
    ) -> None:
        """Keep the alert of an assessment once, and end those of the same report that no longer hold."""
        lead = assessment.leading
        body = _body(assessment, made, references)
        ident = output_id(f"{server}|{made.focus}|{made.version}|{lead.key if lead else ''}", _outcome(assessment))
        told = due(assessment, self.options)
        self._end_others(connection, server, made.focus, ident if told else None, body)
        state = self._state(assessment)
        if not told or state is None or _exists(connection, ident):
            return
        _insert(connection, ident, server, made.focus, assessment, RAISED, state, {**body, "id": ident, "type": RAISED})
        if state != UNDELIVERED and assessment.patient:
            connection.execute(
                insert(event_card).values(
                    server=server,
                    patient=assessment.patient,
                    mass_key=lead.key if lead else "",
                    row=assessment.row,
                    card=assessment.card,
                    tier=assessment.tier,
                    indicator=assessment.indicator,
                    shown=assessment.t.isoformat(),
                    report=body["report"],
                    observation=body["observation"],
                )
            )

    def _state(self, assessment: Assessment) -> str | None:
        if self.webhook:
            return PENDING
        if self.options.recipient or self.options.task_owner or self.options.flag:
            return DELIVERED  # it is part of the resources that were just confirmed
        return UNDELIVERED if assessment.indicator is Indicator.CRITICAL else None

    def _end_others(
        self, connection: Connection, server: str, focus: str, holds: str | None, body: Mapping[str, Any]
    ) -> None:
        rows = connection.execute(
            select(alert).where(
                alert.c.server == server,
                alert.c.focus == focus,
                alert.c.kind == RAISED,
                alert.c.state != CANCELLED,
            )
        ).mappings()
        for row in list(rows):
            if row["id"] == holds:
                continue
            connection.execute(update(alert).where(alert.c.id == row["id"]).values(state=CANCELLED))
            if row["state"] != DELIVERED or not self.webhook:
                continue
            ident = output_id(row["id"], WITHDRAWN)
            before = orjson.loads(row["payload"])
            payload = {**before, "id": ident, "type": WITHDRAWN, "withdraws": row["id"], "issued": body["issued"]}
            connection.execute(
                insert(alert).values(
                    id=ident,
                    server=server,
                    focus=focus,
                    patient=row["patient"],
                    indicator=row["indicator"],
                    kind=WITHDRAWN,
                    state=PENDING,
                    payload=orjson.dumps(payload).decode(),
                    attempts=0,
                    due=now_ms(),
                    created=now_ms(),
                )
            )


def counts(connection: Connection) -> dict[str, int]:
    """Alerts by state, for metrics and readiness; `undelivered` are critical results that nobody was told of."""
    rows = connection.execute(select(alert.c.state, func.count()).group_by(alert.c.state))
    return {state: int(count) for state, count in rows}


def undelivered(connection: Connection, limit: int = 100) -> list[Mapping[str, Any]]:
    """Critical results without a channel, oldest first: `id`, `focus`, `created`."""
    query = select(alert.c.id, alert.c.focus, alert.c.created).where(alert.c.state == UNDELIVERED)
    return [dict(row) for row in connection.execute(query.order_by(alert.c.created).limit(limit)).mappings()]


def seen(connection: Connection, server: str, patient: str) -> int:
    """A clinician was shown the critical card of this patient by another way; returns how many alerts that ends."""
    result = connection.execute(
        update(alert)
        .where(alert.c.server == server, alert.c.patient == patient, alert.c.state == UNDELIVERED)
        .values(state=DELIVERED)
    )
    return int(result.rowcount)


def _body(assessment: Assessment, made: ResourceSet, references: Mapping[str, str]) -> dict[str, Any]:
    """Minimal: references, codes and times; no name, no word of the report."""
    lead = assessment.leading
    slot = f"assessment/{lead.index + 1 if lead else 0}"
    return {
        "indicator": assessment.indicator,
        "card": assessment.card,
        "tier": assessment.tier,
        "patient": assessment.patient,
        "report": made.focus + (f"/_history/{made.version}" if made.version else ""),
        "observation": references.get(output_id(made.focus, slot)),
        "issued": assessment.now.isoformat(timespec="seconds"),
        "rules": assessment.rules.version,
    }


def _outcome(assessment: Assessment) -> str:
    """What makes an alert another one: row, card, tier and indicator (policy 7.4)."""
    return f"alert|{assessment.row}|{assessment.card}|{assessment.tier}|{assessment.indicator}"


def _exists(connection: Connection, ident: str) -> bool:
    return connection.execute(select(alert.c.id).where(alert.c.id == ident)).first() is not None


def _insert(
    connection: Connection,
    ident: str,
    server: str,
    focus: str,
    assessment: Assessment,
    kind: str,
    state: str,
    payload: Mapping[str, Any],
) -> None:
    connection.execute(
        insert(alert).values(
            id=ident,
            server=server,
            focus=focus,
            patient=assessment.patient,
            indicator=assessment.indicator,
            kind=kind,
            state=state,
            payload=orjson.dumps(payload).decode(),
            attempts=0,
            due=now_ms(),
            created=now_ms(),
        )
    )
