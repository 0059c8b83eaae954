"""The composition root: from settings to running parts. The only module that knows every adapter."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from emhwatch.cds import assembly
from emhwatch.cds.routes import Observed
from emhwatch.chart.fetch import ServerChartFetcher
from emhwatch.chart.searches import lab_codes
from emhwatch.errors import InboxUnavailable, StoreUnavailable
from emhwatch.fhir.connect import Connection, connect
from emhwatch.inbox.arrival import Arrival
from emhwatch.inbox.breaker import Breaker
from emhwatch.inbox.gather import Gathering
from emhwatch.inbox.worker import Finished, Worker
from emhwatch.intake import assemble as intake_assembly
from emhwatch.intake.watch import Watch, watches
from emhwatch.pipeline import Pipeline
from emhwatch.ports import HistoryStore, Publisher
from emhwatch.publish import assemble
from emhwatch.publish.audit import ServerAudit
from emhwatch.service import Service
from emhwatch.settings import Settings
from emhwatch.store.announce import Announcements
from emhwatch.store.database import open_database
from emhwatch.store.postgres import PostgresDatabase
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.telemetry.log import log, log_fault
from emhwatch.telemetry.metrics import Metrics


class WallClock:
    """`ports.Clock` of a real machine."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open everything that the settings name; closed in the reverse order.

    Raises:
        ConfigurationError: a setting is missing or wrong.
        TableError: the tables are not valid.
        StoreUnavailable: the data store cannot be opened.
    """
    clock, metrics = WallClock(), Metrics()
    tables = load_tables(settings.tables.dir, settings.tables.overlay)
    trail = assemble.audit(settings.publish, tables=tables, clock=clock)
    async with AsyncExitStack() as stack:
        database = await asyncio.to_thread(open_database, settings.store.url)
        stack.push_async_callback(database.close)
        connection = connect(settings.fhir, clock=clock, observers=[trail] if trail else [])
        stack.push_async_callback(connection.close)
        cds = assembly.assemble(
            settings,
            tables=tables,
            options=settings.site_options,
            database=database,
            clock=clock,
            observe=lambda seen: _hook(metrics, seen),
            report=lambda error: log_fault("hook failed", error),
        )
        stack.push_async_callback(cds.close)
        webhook = assemble.webhook(settings, database=database, clock=clock)
        if webhook is not None:
            stack.push_async_callback(webhook.http.aclose)
        publisher = assemble.publisher(
            settings,
            client=connection.client,
            database=database,
            tables=tables,
            on_result=lambda outcome: metrics.written.labels(outcome).inc(),
        )
        stages = pipeline(
            settings,
            connection,
            cds.service.history,
            publisher,
            tables,
            lambda stage, seconds: metrics.stage.labels(stage).observe(seconds),
        )
        others = Announcements(database) if isinstance(database, PostgresDatabase) else None
        worker = Worker(
            database=database,
            work=stages.run,
            wake=asyncio.Event(),
            concurrency=settings.inbox.concurrency,
            listen=others.listen if others else None,
            breaker=Breaker(now=time.monotonic, on_change=lambda is_open: _breaker(metrics, is_open)),
            on_finished=lambda done: _finished(metrics, done),
            on_fault=lambda error: log_fault("worker failed", error),
        )
        metrics.in_work.set_function(lambda: worker.in_work)
        taking = _Intake(Gathering(database, others.tell) if others else Gathering(database), worker, metrics)
        intake, http = intake_assembly.assemble(
            settings,
            client=connection.client,
            database=database,
            watches=configured_watches(settings, tables),
            accept=taking.accept,
            clock=clock,
            on_fault=lambda error: log_fault("intake failed", error),
            observe=lambda outcome, kind: metrics.notifications.labels(outcome, kind).inc(),
        )
        stack.push_async_callback(http.aclose)
        yield Service(
            settings=settings,
            tables=tables,
            database=database,
            connection=connection,
            intake=intake,
            cds=cds,
            worker=worker,
            publisher=publisher,
            metrics=metrics,
            audit=trail if isinstance(trail, ServerAudit) else None,
            webhook=webhook,
        )


def pipeline(
    settings: Settings,
    connection: Connection,
    history: HistoryStore,
    publisher: Publisher,
    tables: TableSet,
    observe: Callable[[str, float], None] = lambda _stage, _seconds: None,
) -> Pipeline:
    """The stages after the inbox."""
    return Pipeline(
        fetcher=ServerChartFetcher(connection.client, tables),
        history=history,
        publisher=publisher,
        tables=tables,
        clock=WallClock(),
        options=settings.site_options,
        limits_s={
            "fetch": settings.inbox.fetch_s,
            "evaluate": settings.inbox.evaluate_s,
            "publish": settings.inbox.publish_s,
        },
        observe=observe,
    )


@dataclass(frozen=True, slots=True)
class _Intake:
    """The way into the inbox."""

    inbox: Gathering
    worker: Worker
    metrics: Metrics

    async def accept(self, arrivals: list[Arrival]) -> list[bool]:
        """Make arrivals durable; for each whether it is new.

        Raises:
            InboxUnavailable: the data store cannot be written now.
        """
        try:
            ids = await self.inbox.accept(arrivals)
        except StoreUnavailable as error:
            log_fault("event refused", error)
            raise InboxUnavailable from None
        for arrival, ident in zip(arrivals, ids, strict=True):
            if ident is None:
                self.metrics.duplicate.inc()
            else:
                self.metrics.accepted.labels(arrival.source).inc()
                kind = arrival.event.resource_type
                log("event accepted", level=logging.DEBUG, event=ident, source=arrival.source, resource_type=kind)
        self.worker.wake.set()
        return [ident is not None for ident in ids]


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


def _breaker(metrics: Metrics, is_open: bool) -> None:
    metrics.breaker.set(is_open)
    if is_open:
        log("fhir server away, nothing is claimed", level=logging.WARNING)
    else:
        log("fhir server answers again")


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
