"""The open parts of one process, and what runs in its background."""

import asyncio
from dataclasses import dataclass

from emhwatch.cds.routes import CdsServices
from emhwatch.errors import EmhError, StoreUnavailable
from emhwatch.fhir.connect import Connection
from emhwatch.inbox.status import Counts, counts, purge, purge_lanes
from emhwatch.inbox.worker import Worker
from emhwatch.intake.assemble import Intake
from emhwatch.intake.subscriptions import Subscriptions
from emhwatch.pause import pause
from emhwatch.publish.audit import ServerAudit
from emhwatch.publish.channel import undelivered
from emhwatch.publish.webhook import WebhookDelivery
from emhwatch.publish.writer import FhirPublisher
from emhwatch.settings import Settings
from emhwatch.store.database import Database
from emhwatch.tables.load import TableSet
from emhwatch.telemetry.log import log_fault
from emhwatch.telemetry.metrics import Metrics

_DAY_S = 86_400.0
_FORGET, _FORGET_S = 1000, 0.1  #: events deleted at once, and the pause before the next


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still to be done."""

    inbox: Counts
    critical_undelivered: int  #: critical results that no channel has delivered


@dataclass(slots=True, kw_only=True)
class Service:
    """Everything of one process."""

    settings: Settings
    tables: TableSet
    database: Database
    connection: Connection
    intake: Intake
    cds: CdsServices
    worker: Worker
    publisher: FhirPublisher
    metrics: Metrics
    audit: ServerAudit | None
    webhook: WebhookDelivery | None

    @property
    def mode(self) -> str:
        """How changes reach us: rest-hook, topic, poll or push; empty until it is known."""
        return self.intake.keeper.way

    @property
    def subscriptions(self) -> Subscriptions:
        """On the FHIR server."""
        return self.intake.keeper.subscriptions

    async def loops(self, stop: asyncio.Event, *, work: bool) -> None:
        """Everything that runs in the background until `stop`; when one part fails, all end."""
        keeper, reconciler = self.intake.keeper, self.intake.reconciler
        running = [keeper.run(stop), keeper.listen(stop), reconciler.run(stop), self._forget(stop)]
        if work:
            running.append(self.work(stop))
        if self.webhook is not None:
            running.append(self.webhook.run(stop))
        if self.audit is not None:
            running.append(self.audit.run(stop, self.database, self.connection.client))
        async with asyncio.TaskGroup() as group:
            for loop in running:
                group.create_task(loop)

    async def work(self, stop: asyncio.Event) -> None:
        """Settle the writes whose outcome a crash left open, then work the inbox."""
        try:
            await self.publisher.reconcile()
        except EmhError as error:  # each of these writes is looked up again when its event is worked
            log_fault("open writes not settled", error)
        await self.worker.run(stop)

    async def _forget(self, stop: asyncio.Event) -> None:
        """Once a day, forget cards, feedback and finished events that are older than the site keeps them."""
        days = self.settings.inbox.keep_days
        while not stop.is_set():
            try:
                await self.cds.service.history.purge(keep_days=self.settings.cds.keep_days)
                # Little by little: an arrival that waits for this transaction must not wait long.
                while await self.database.write(lambda c: purge(c, older_than_days=days, most=_FORGET)) == _FORGET:
                    await pause(_FORGET_S, stop)
                    if stop.is_set():
                        return
                await self.database.write(lambda c: purge_lanes(c, older_than_days=days))
            except StoreUnavailable as error:
                log_fault("what is old was not forgotten", error)
            await pause(_DAY_S, stop)

    async def backlog(self) -> Backlog:
        """What waits, is dead or was not delivered; also sets the metrics."""
        found = await self.database.read(counts)
        critical = len(await self.database.read(undelivered))
        self.metrics.waiting.set(found.waiting)
        self.metrics.dead.set(found.dead)
        self.metrics.oldest.set(found.oldest_s)
        self.metrics.undelivered.set(critical)
        return Backlog(found, critical)
