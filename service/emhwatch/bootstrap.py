"""The composition root: from settings to running parts. The only module that knows every adapter."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from emhwatch.assess.evaluate import SiteOptions
from emhwatch.cds import assembly
from emhwatch.cds.routes import CdsServices, Observed
from emhwatch.chart.fetch import ServerChartFetcher
from emhwatch.chart.searches import lab_codes
from emhwatch.errors import ConfigurationError, EmhError, InboxUnavailable, StoreUnavailable
from emhwatch.fhir.connect import Connection, connect
from emhwatch.inbox.accept import accept
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.status import Counts, counts
from emhwatch.inbox.worker import Finished, Worker
from emhwatch.intake.reconcile import Reconciler
from emhwatch.intake.routes import IntakeServices
from emhwatch.intake.subscriptions import Subscriptions
from emhwatch.intake.watch import Watch, watches
from emhwatch.pipeline import Pipeline
from emhwatch.publish import assemble
from emhwatch.publish.audit import ServerAudit
from emhwatch.publish.channel import undelivered
from emhwatch.publish.webhook import WebhookDelivery
from emhwatch.publish.writer import FhirPublisher
from emhwatch.settings import Settings
from emhwatch.store.database import Database, open_database
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.telemetry.log import log, log_fault
from emhwatch.telemetry.metrics import Metrics

MODES = ("auto", "rest-hook", "poll")


class WallClock:
    """`ports.Clock` of a real machine."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Service:
    """Everything of one process."""

    settings: Settings
    tables: TableSet
    database: Database
    connection: Connection
    subscriptions: Subscriptions
    reconciler: Reconciler
    intake: IntakeServices
    cds: CdsServices
    worker: Worker
    publisher: FhirPublisher
    metrics: Metrics
    audit: ServerAudit | None
    webhook: WebhookDelivery | None
    mode: str = ""  #: rest-hook or poll, once it is known

    async def loops(self, stop: asyncio.Event, *, work: bool) -> None:
        """Everything that runs in the background until `stop`: the worker, the search, alerts, audit."""
        running: list[Awaitable[None]] = [self._search(stop)]
        if work:
            running.append(self.work(stop))
        if self.webhook is not None:
            running.append(self.webhook.run(stop))
        if self.audit is not None:
            running.append(self.audit.run(stop, self.database, self.connection.client))
        await asyncio.gather(*running)

    async def work(self, stop: asyncio.Event) -> None:
        """Settle the writes whose outcome a crash left open, then work the inbox."""
        try:
            await self.publisher.reconcile()
        except EmhError as error:  # each of these writes is looked up again when its event is worked
            log_fault("open writes not settled", error)
        await self.worker.run(stop)

    async def _search(self, stop: asyncio.Event) -> None:
        """Decide how the server's changes reach us, then keep looking."""
        mode = self.settings.intake.mode
        if mode == "auto":
            mode = "rest-hook" if await self.subscriptions.supported() else "poll"
        if mode == "rest-hook":
            self.reconciler.subscriptions = self.subscriptions
        else:
            self.reconciler.every_s, self.reconciler.source = self.settings.intake.poll_s, "poll"
        self.mode = mode
        log("intake started", mode=mode)
        await self.reconciler.run(stop)

    async def backlog(self) -> "Backlog":
        """What waits, is dead or was not delivered; also sets the metrics."""
        found = await self.database.read(counts)
        critical = len(await self.database.read(undelivered))
        self.metrics.waiting.set(found.waiting)
        self.metrics.dead.set(found.dead)
        self.metrics.oldest.set(found.oldest_s)
        self.metrics.undelivered.set(critical)
        return Backlog(found, critical)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still to be done."""

    inbox: Counts
    critical_undelivered: int  #: critical results that no channel has delivered


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open everything that the settings name; closed in the reverse order.

    Raises:
        ConfigurationError: a setting is missing or wrong.
        TableError: the tables are not valid.
        StoreUnavailable: the data store cannot be opened.
    """
    if settings.intake.mode not in MODES:
        raise ConfigurationError("EMHWATCH_INTAKE_MODE is not known.", remedy=f"Set one of {', '.join(MODES)}.")
    clock, metrics = WallClock(), Metrics()
    tables = load_tables(settings.tables.dir, settings.tables.overlay)
    trail = assemble.audit(settings.publish, tables=tables, clock=clock)
    connection = connect(settings.fhir, clock=clock, observers=[trail] if trail else [])
    database = await asyncio.to_thread(open_database, settings.store.url)
    options = site_options(settings)
    cds = assembly.assemble(
        settings,
        tables=tables,
        options=options,
        database=database,
        clock=clock,
        observe=lambda seen: _hook(metrics, seen),
        report=lambda error: log_fault("hook failed", error),
    )
    try:
        publisher = assemble.publisher(
            settings,
            client=connection.client,
            database=database,
            tables=tables,
            on_result=lambda outcome: metrics.written.labels(outcome).inc(),
        )
        pipeline = Pipeline(
            fetcher=ServerChartFetcher(connection.client, tables),
            history=cds.service.history,
            publisher=publisher,
            tables=tables,
            clock=clock,
            options=options,
        )
        worker = Worker(
            database=database,
            work=pipeline.run,
            wake=asyncio.Event(),
            concurrency=settings.inbox.concurrency,
            on_finished=lambda done: _finished(metrics, done),
            on_fault=lambda error: log_fault("worker failed", error),
        )
        taking = _Intake(database, worker, metrics)
        watched = configured_watches(settings, tables)
        secret = settings.intake.secret or secrets.token_urlsafe(32)
        reconciler = Reconciler(
            server=settings.fhir.name,
            reader=connection.client,
            watches=watched,
            accept=taking.accept,
            clock=clock,
            every_s=settings.intake.reconcile_s,
            lookback=timedelta(hours=settings.intake.lookback_h),
            on_fault=lambda error: log_fault("search failed", error),
        )
        yield Service(
            settings=settings,
            tables=tables,
            database=database,
            connection=connection,
            subscriptions=Subscriptions.of(
                connection.client, public_url=settings.intake.public_url, secret=secret, watches=watched
            ),
            reconciler=reconciler,
            intake=IntakeServices(
                server=settings.fhir.name,
                base_url=connection.client.base.url,
                secret=secret,
                watched=frozenset(w.resource_type for w in watched),
                max_bytes=settings.intake.max_body_kib * 1024,
                accept=taking.accept,
                look=reconciler.look,
                observe=lambda outcome, kind: metrics.notifications.labels(outcome, kind).inc(),
            ),
            cds=cds,
            worker=worker,
            publisher=publisher,
            metrics=metrics,
            audit=trail if isinstance(trail, ServerAudit) else None,
            webhook=assemble.webhook(settings, database=database, clock=clock),
        )
    finally:
        await cds.close()
        await connection.close()
        await database.close()


@dataclass(frozen=True, slots=True)
class _Intake:
    """The way into the inbox."""

    database: Database
    worker: Worker
    metrics: Metrics

    async def accept(self, arrivals: list[Arrival]) -> None:
        """Make arrivals durable.

        Raises:
            InboxUnavailable: the data store cannot be written now.
        """
        try:
            ids = await self.database.write(lambda c: accept(c, arrivals))
        except StoreUnavailable as error:
            log_fault("event refused", error)
            raise InboxUnavailable from None
        for arrival, ident in zip(arrivals, ids, strict=True):
            if ident is None:
                self.metrics.duplicate.inc()
            else:
                self.metrics.accepted.labels(arrival.source).inc()
        self.worker.wake.set()


def site_options(settings: Settings) -> SiteOptions:
    """What the site decides about the evaluation."""
    return SiteOptions(timezone=settings.fhir.timezone, security_labels=settings.fhir.security_labels)


def configured_watches(settings: Settings, tables: TableSet) -> tuple[Watch, ...]:
    """What is looked at on the FHIR server."""
    return watches(settings.intake.types, laboratory=lab_codes(tables), tag=settings.intake.tag)


def _finished(metrics: Metrics, done: Finished) -> None:
    metrics.attempts.labels(done.outcome, done.resource_type).inc()
    metrics.waited.observe(done.waited_ms / 1000)
    metrics.worked.observe(done.worked_ms / 1000)
    log(
        "event finished",
        event=done.event_id,
        resource_type=done.resource_type,
        outcome=done.outcome,
        reason=done.reason,
        attempt=done.attempt,
        waited_ms=done.waited_ms,
        worked_ms=done.worked_ms,
    )


def _hook(metrics: Metrics, seen: Observed) -> None:
    metrics.hooks.labels(seen.service, str(seen.status)).observe(seen.seconds)
    if seen.card:
        metrics.cards.labels(seen.card).inc()
    log(
        "hook answered",
        service=seen.service,
        client=seen.client,
        status=seen.status,
        seconds=round(seen.seconds, 4),
        row=seen.row,
        card=seen.card,
        silence=seen.silence,
    )
