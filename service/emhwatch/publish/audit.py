"""Audit: who read or wrote which patient's data, when, and whether it worked. References and codes only, no text."""

import asyncio
import os
import uuid
from collections import deque
from pathlib import Path

import orjson
from sqlalchemy import Connection, delete, insert, select

from emhwatch.errors import ConfigurationError, EmhError
from emhwatch.fhir.exchange import Exchange
from emhwatch.pause import pause
from emhwatch.ports import Clock, Database, FhirWriter
from emhwatch.publish.coding import Coder
from emhwatch.publish.schema import audit_outbox
from emhwatch.types import Resource

_ACTIONS = {
    "create": "C",
    "read": "R",
    "vread": "R",
    "search-type": "E",
    "history-type": "E",
    "update": "U",
    "delete": "D",
}
#: Nothing of a patient is in these.
_NOT_PATIENT = frozenset({"Subscription", "Device", "AuditEvent", "CodeSystem", "ValueSet", "ConceptMap", "Basic"})
_BATCH = 50
_PAUSE_S = 5.0


def concerns_patient(exchange: Exchange) -> bool:
    """Whether an exchange touched a patient's data, or tried to."""
    return bool(exchange.patients or exchange.references) and exchange.resource_type not in _NOT_PATIENT


def audit_event(exchange: Exchange, recorded: str, coder: Coder, software: str) -> Resource:
    """The AuditEvent of one exchange."""
    interaction = exchange.interaction
    outcome = "0" if exchange.status and exchange.status < 400 else "4" if exchange.status else "8"
    event: Resource = {
        "resourceType": "AuditEvent",
        "type": coder.coding("audit", "rest"),
        "subtype": [coder.own("interaction", interaction)],
        "action": _ACTIONS.get(interaction, "E"),
        "recorded": recorded,
        "outcome": outcome,
        "agent": [{"who": {"display": f"{coder.output.words['device']['name']} {software}"}, "requestor": True}],
        "source": {"observer": {"display": coder.output.words["device"]["name"]}},
    }
    entities = [{"what": {"reference": reference}} for reference in exchange.patients]
    entities += [{"what": {"reference": r}} for r in exchange.references if r not in exchange.patients]
    if not entities and exchange.resource_type:
        entities = [{"what": {"display": exchange.resource_type}}]
    if entities:
        event["entity"] = entities
    return event


class FileAudit:
    """An observer of the FHIR client that appends one AuditEvent a line; durable as the file system is."""

    def __init__(self, path: str, *, coder: Coder, software: str, clock: Clock) -> None:
        self._coder, self._software, self._clock = coder, software, clock
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            # Appends of one write each: lines of several processes do not mix.
            self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        except OSError:
            raise ConfigurationError(
                "The audit file cannot be written.",
                remedy="Set EMHWATCH_PUBLISH_AUDIT_FILE to a file in a writable folder.",
            ) from None

    def __call__(self, exchange: Exchange) -> None:
        """Record one exchange; an audit that cannot be written stops the work."""
        if concerns_patient(exchange):
            recorded = self._clock.now().isoformat(timespec="milliseconds")
            line = orjson.dumps(audit_event(exchange, recorded, self._coder, self._software)) + b"\n"
            os.write(self._file, line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class ServerAudit:
    """An observer that keeps AuditEvents in the data store and sends them to the server in the background."""

    def __init__(self, *, coder: Coder, software: str, clock: Clock) -> None:
        self._coder, self._software, self._clock = coder, software, clock
        self._fresh: deque[Resource] = deque()
        self._wake = asyncio.Event()

    def __call__(self, exchange: Exchange) -> None:
        """Record one exchange."""
        if concerns_patient(exchange):
            recorded = self._clock.now().isoformat(timespec="milliseconds")
            self._fresh.append(audit_event(exchange, recorded, self._coder, self._software))
            self._wake.set()

    async def run(self, stop: asyncio.Event, database: Database, writer: FhirWriter) -> None:
        """Keep what is fresh at once, send what is kept; until told to stop, then keep the rest."""
        while not stop.is_set():
            await pause(1.0, self._wake)
            self._wake.clear()
            try:
                await self.keep(database)
                while await self.send(database, writer):
                    continue
            except EmhError:
                # The server or the data store is away; what is recorded stays and goes out later.
                await pause(_PAUSE_S, stop)
        await self.keep(database)

    async def keep(self, database: Database) -> None:
        """Make durable what was recorded since."""
        fresh = list(self._fresh)
        if fresh:
            rows = [{"tag": uuid.uuid4().hex, "body": orjson.dumps(event).decode()} for event in fresh]

            def insert_all(connection: Connection) -> None:
                connection.execute(insert(audit_outbox), rows)

            await database.write(insert_all)
            for _ in fresh:  # only now: a failing data store must not cost a record
                self._fresh.popleft()

    async def send(self, database: Database, writer: FhirWriter) -> int:
        """Send one batch; returns how many were taken by the server."""
        rows = await database.read(
            lambda c: c.execute(select(audit_outbox).order_by(audit_outbox.c.id).limit(_BATCH)).mappings().all()
        )
        if not rows:
            return 0
        system = self._coder.output.url("evaluation")
        entries = []
        for row in rows:
            event = orjson.loads(row["body"])
            event["meta"] = {"tag": [{"system": system, "code": row["tag"]}]}
            condition = f"_tag={system}|{row['tag']}"
            request = {"method": "POST", "url": "AuditEvent", "ifNoneExist": condition}
            entries.append({"resource": event, "request": request})
        answer = await writer.transaction({"resourceType": "Bundle", "type": "batch", "entry": entries})
        statuses = [str((e.get("response") or {}).get("status", "")) for e in answer.get("entry") or []]
        taken = [row["id"] for row, status in zip(rows, statuses, strict=False) if status.startswith("2")]
        refused = {row["id"]: row["body"] for row, status in zip(rows, statuses, strict=False) if status[:1] == "4"}

        def settle(connection: Connection) -> None:
            connection.execute(delete(audit_outbox).where(audit_outbox.c.id.in_(taken)))
            for ident, body in refused.items():
                # A reference to something that was deleted: keep the record, name it as an identifier.
                connection.execute(
                    audit_outbox.update().where(audit_outbox.c.id == ident).values(body=_without_references(body))
                )

        await database.write(settle)
        return len(taken)


def _without_references(body: str) -> str:
    event = orjson.loads(body)
    for entity in event.get("entity", ()):
        reference = entity["what"].pop("reference", None)
        if reference:
            entity["what"]["identifier"] = {"system": "urn:ietf:rfc:3986", "value": reference}
    return orjson.dumps(event).decode()
