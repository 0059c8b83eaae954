"""One event through all stages, written against the ports only. Read this first.

    intake -> inbox -> chart -> text -> criteria -> assess -> publish

Intake has made the event durable and the inbox has handed it to a worker. `run` fetches the chart, decides
(reading the report texts on the way; pure, see `assess.evaluate`) and publishes. CDS Hooks joins at the chart:
it brings its own resources and calls the same `evaluate`.
"""

import asyncio
from dataclasses import dataclass

from emhwatch.assess.evaluate import SiteOptions, evaluate
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

    async def run(self, event: ResourceEvent) -> list[Assessment]:
        """Evaluate everything that one event concerns and write it back.

        Raises:
            FhirError: the server could not be read or written; the inbox decides on the retry.
        """
        charts = await self.fetcher.fetch(event)
        assessments = []
        for data in charts:
            history = await self.history.load(event.server, data.patient) if data.patient else None
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
            await self.publisher.publish(assessment, event)
            assessments.append(assessment)
        return assessments
