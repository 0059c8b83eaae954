"""Writes one assessment to the FHIR server, once: `ports.Publisher`.

    build -> validate -> plan (ledger) -> one transaction Bundle -> confirm (ledger)

In the normal case that is one request. When an answer is lost, or the server reports a conflict, what stands on the
server is looked up by our identifiers before anything is sent again; a crash at any point ends the same way at the
next attempt, because the ledger says that the outcome is open.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import Connection

from emhwatch.errors import FhirConflict, FhirError, FhirNotFound, OutcomeUnknown
from emhwatch.model.assessment import Assessment
from emhwatch.model.event import ResourceEvent
from emhwatch.ports import Database, FhirReader, FhirWriter
from emhwatch.publish import ledger
from emhwatch.publish.bundle import Systems, Write, outcome, transaction, writes_of
from emhwatch.publish.ledger import Plan
from emhwatch.publish.lifecycle import Standing, retire
from emhwatch.publish.lookup import find_device, look_up, strip
from emhwatch.publish.observation import ResourceSet, build_set
from emhwatch.publish.options import WriteOptions
from emhwatch.tables.load import TableSet
from emhwatch.types import Resource, Tier

_ROUNDS = 5
#: Before a look-up: a server that lost our connection may still be committing what we sent.
_SETTLE_S = (0.05, 0.25, 1.0, 2.0)


class Server(FhirReader, FhirWriter, Protocol):
    """Reads and writes of one server."""


class AlertSink(Protocol):
    """Told inside the transaction that confirms an assessment (see `publish.channel`)."""

    def record(
        self,
        connection: Connection,
        server: str,
        assessment: Assessment,
        made: ResourceSet,
        references: Mapping[str, str],
    ) -> None:
        """Keep what is to be delivered, and cancel or withdraw what no longer holds."""
        ...


@dataclass(slots=True, kw_only=True)
class FhirPublisher:
    """The publisher of one configured server."""

    server_name: str
    server: Server
    database: Database
    tables: TableSet
    options: WriteOptions
    check: Callable[[Resource], Resource]  #: validation; raises `FhirInvalidResource`
    enabled: bool = True  #: False: silent mode, only recorded in the ledger
    alerts: AlertSink | None = None
    deliberate: bool = False  #: a person asked for it: another rule set is a reason to write
    lease_s: float = 120.0  #: longer than all rounds of one write-back; how long a crashed worker blocks a report
    on_result: Callable[[str], None] = lambda _: None  #: "write", "same", "stale", "rules", "silent"; for metrics
    _owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    _devices: dict[str, str] = field(default_factory=dict)
    _device_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def publish(self, assessment: Assessment, event: ResourceEvent) -> Mapping[str, str]:
        """Write; returns our identifier -> "Type/id" on the server.

        Raises:
            FhirInvalidResource: what would be sent is not valid; nothing was sent.
            FhirConflict, FhirUnavailable, FhirThrottled, OutcomeUnknown: try again later.
            FhirRejected, FhirForbidden, FhirUnauthorized: a person has to act.
        """
        assessment = await self._with_patient(assessment, event)
        made = await asyncio.to_thread(self._made, assessment)
        if made is None:
            return {}
        # One at a time for one report, also within this process, so that we never race ourselves.
        async with self._busy.setdefault(made.focus, asyncio.Lock()):
            try:
                return await self._publish(assessment, made)
            finally:
                if len(self._busy) > 1000:
                    self._busy = {k: lock for k, lock in self._busy.items() if lock.locked()}

    async def reconcile(self) -> int:
        """Look up every write whose outcome is open; returns how many are settled. Run at start."""
        settled = 0
        for server, focus in await self.database.read(ledger.open_reports):
            if server == self.server_name and await self._settle(focus):
                settled += 1
        return settled

    def for_person(self) -> "FhirPublisher":
        """The same publisher for an evaluation that a person asked for (`emhwatch reassess`)."""
        return replace(self, deliberate=True)

    @property
    def _systems(self) -> Systems:
        output = self.tables.output
        return Systems(output.url("identifier"), output.url("evaluation"))

    async def _settle(self, focus: str) -> bool:
        """Whether an open write turns out to have happened; if not, the event that caused it is still in the inbox."""
        places, expected = await self.database.read(
            lambda c: (
                ledger.standing_of(c, self.server_name, focus),
                ledger.evaluation_of(c, self.server_name, focus),
            )
        )
        found = (await look_up(self.server, places, self._systems)).standing
        if {there.evaluation for there in found.values() if not there.retired} != {expected}:
            return False
        await self.database.write(lambda c: ledger.confirm(c, self.server_name, focus, list(found.values())))
        return True

    def _made(self, assessment: Assessment) -> ResourceSet | None:
        made = build_set(assessment, self.tables, self.options)
        if made is not None:
            for resource in (made.device, *made.slots.values(), made.provenance):
                self.check(resource)
        return made

    async def _with_patient(self, assessment: Assessment, event: ResourceEvent) -> Assessment:
        """A deleted report names no patient any more; the ledger knows whose it was."""
        if assessment.patient or assessment.stopped_write or assessment.tier is not Tier.NOT_ASSESSED:
            return assessment
        focus = assessment.focus or event.reference
        patient = await self.database.read(lambda c: ledger.patient_of(c, self.server_name, focus))
        return replace(assessment, patient=patient, focus=focus) if patient else assessment

    async def _publish(self, assessment: Assessment, made: ResourceSet) -> Mapping[str, str]:
        def decide(connection: Connection) -> Plan:
            return ledger.plan(
                connection,
                self.server_name,
                assessment,
                made,
                owner=self._owner,
                lease_s=self.lease_s,
                send=self.enabled,
                deliberate=self.deliberate,
            )

        plan = await self.database.write(decide)
        self.on_result(plan.reason)
        if not plan.todo:
            return _references(plan.standing)
        written = False
        try:
            standing = await self._write(assessment, made, plan)
            written = True
        finally:
            if not written:  # also when the worker is told to stop: the next one need not wait for the lease
                await asyncio.shield(
                    self.database.write(lambda c: ledger.give_up(c, self.server_name, made.focus, self._owner))
                )
        references = _references(standing)

        def keep(connection: Connection) -> None:
            ledger.confirm(connection, self.server_name, made.focus, list(standing.values()))
            if self.alerts is not None:
                self.alerts.record(connection, self.server_name, assessment, made, references)

        await self.database.write(keep)
        return references

    async def _write(self, assessment: Assessment, made: ResourceSet, plan: Plan) -> dict[str, Standing]:
        standing = self._places(made, plan.standing)
        device = await self._device(made.device)
        open_outcome, failure = plan.open_before, FhirError()
        for attempt in range(_ROUNDS):
            doubles: tuple[Resource, ...] = ()
            if open_outcome:
                if attempt:
                    await asyncio.sleep(_SETTLE_S[attempt - 1])
                found = await look_up(self.server, standing, self._systems)
                standing, doubles = found.standing, found.doubles
            try:
                for double in doubles:
                    await self.server.update(strip(double, self._systems), if_match=double["meta"].get("versionId"))
                retiring = await self._retiring(assessment, made, standing)
                writes = writes_of(made, standing, retiring, new_version=plan.new_version)
                if not writes:
                    return standing
                answered = await self._send(made, writes, standing, device)
            except (OutcomeUnknown, FhirConflict, FhirNotFound) as error:
                open_outcome, failure = True, error
                continue
            standing = standing | {there.slot: there for there in answered}
            if all(there.certain for there in answered):
                return standing
            # A create found what an earlier, lost request had made: see whether it says what it should.
            open_outcome, failure = True, FhirConflict()
        raise failure

    async def _send(
        self, made: ResourceSet, writes: list[Write], standing: Mapping[str, Standing], device: str
    ) -> list[Standing]:
        bundle = transaction(made, writes, standing, f"Device/{device}", self._systems)
        return outcome(writes, await self.server.transaction(bundle))

    async def _retiring(
        self, assessment: Assessment, made: ResourceSet, standing: Mapping[str, Standing]
    ) -> list[Resource]:
        """What stands there and no longer holds, as it is to stand: withdrawn, with the patient of today."""
        words = self.tables.output.words["narrative"]["retired"]
        ended: dict[str, list[str]] = {}
        for slot, there in standing.items():
            if slot not in made.slots and there.resource_id and not there.retired and not there.refused_by_person:
                ended.setdefault(there.kind, []).append(there.resource_id)
        retiring = []
        for kind, ids in ended.items():
            for current in (await self.server.search(kind, [("_id", ",".join(ids))])).resources:
                if current.get("resourceType") != kind or current.get("id") not in ids:
                    continue  # what the server says beside the matches
                gone = retire(current, words)
                person = "for" if kind == "Task" else "subject"
                if assessment.patient and person in gone:
                    gone[person] = {"reference": assessment.patient}
                retiring.append(self.check(gone))
        return retiring

    async def _device(self, device: Resource) -> str:
        """The id of our Device on the server, made once; one at a time, so that a burst does not race itself."""
        identifier = device["identifier"][0]
        value = identifier["value"]
        async with self._device_lock:
            if value in self._devices:
                return self._devices[value]
            known = await self.database.read(lambda c: ledger.device_of(c, self.server_name, value))
            known = known or await find_device(self.server, identifier)
            if known is None:
                condition = f"identifier={identifier['system']}|{value}"
                try:
                    known = str((await self.server.create(device, if_none_exist=condition))["id"])
                except (OutcomeUnknown, FhirConflict):
                    known = await find_device(self.server, identifier)
                    if known is None:
                        raise
            await self.database.write(lambda c: ledger.keep_device(c, self.server_name, value, known))
            self._devices[value] = known
            return known

    @staticmethod
    def _places(made: ResourceSet, known: Mapping[str, Standing]) -> dict[str, Standing]:
        """Every place that matters: those of this evaluation and those that stand from earlier ones."""
        places = {
            slot: Standing(resource["identifier"][0]["value"], slot, resource["resourceType"])
            for slot, resource in made.slots.items()
        }
        return places | dict(known)


def _references(standing: Mapping[str, Standing]) -> dict[str, str]:
    return {
        there.identifier: there.reference
        for there in standing.values()
        if there.reference is not None and not there.retired
    }
