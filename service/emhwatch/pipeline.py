"""One event through all stages, written against the ports only. Read this first.

    intake -> inbox -> chart -> text -> criteria -> assess -> publish

Intake has made the event durable and the inbox has handed it to a worker. `run` fetches the chart, decides
(reading the report texts on the way; pure, see `assess.evaluate`) and publishes. CDS Hooks joins at the chart:
it brings its own resources and calls the same `evaluate`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from emhwatch.assess.evaluate import SiteOptions, evaluate
from emhwatch.errors import StageTimeout
from emhwatch.model.assessment import Assessment
from emhwatch.model.event import ResourceEvent
from emhwatch.ports import ChartFetcher, Clock, HistoryStore, Publisher
from emhwatch.tables.load import TableSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The stages after the inbox."""

    fetcher: ChartFetcher
    history: HistoryStore
    publisher: Publisher
    tables: TableSet
    clock: Clock
    options: SiteOptions
    limits_s: Mapping[str, float] = field(default_factory=dict)  #: of the stages; one that is not named has none
    observe: Callable[[str, float], None] = lambda _stage, _seconds: None

    async def run(self, event: ResourceEvent) -> list[Assessment]:
        """Evaluate everything that one event concerns and write it back.

        Raises:
            FhirError: the server could not be read or written; the inbox decides on the retry.
            StageTimeout: a stage took longer than its limit.
        """
        async with self._stage("fetch"):
            charts = await self.fetcher.fetch(event)
        assessments = []
        for data in charts:
            history = await self.history.load(event.server, data.patient) if data.patient else None
            async with self._stage("evaluate"):
                assessment = await asyncio.to_thread(
                    evaluate,
                    data.resources,
                    focus=data.focus,
                    patient=data.patient,
                    now=self.clock.now(),
                    tables=self.tables,
                    options=self.options,
                    history=history,
                    incomplete=data.incomplete,
                    searched=True,
                    withdrawn=data.withdrawn,
                )
            async with self._stage("publish"):
                await self.publisher.publish(assessment, event)
            assessments.append(assessment)
        return assessments

    @asynccontextmanager
    async def _stage(self, name: str) -> AsyncIterator[None]:
        started, limit_s = time.perf_counter(), self.limits_s.get(name)
        try:
            async with asyncio.timeout(limit_s) as limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise StageTimeout(f"The stage {name} took longer than {limit_s:g} s.") from None
            raise
        finally:
            self.observe(name, time.perf_counter() - started)
