"""A publisher as the service wires it, for tests: real data store, real server."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emhwatch.fhir.connect import connect
from emhwatch.fhir.exchange import Observer
from emhwatch.fhir.r4b import check
from emhwatch.model.event import ResourceEvent
from emhwatch.publish.options import WriteOptions
from emhwatch.publish.writer import FhirPublisher
from emhwatch.settings import FhirSettings
from emhwatch.store.database import Database, open_database
from emhwatch.tables.load import load_tables
from tests.support.site import WallClock


@dataclass
class Bench:
    """One worker."""

    publisher: FhirPublisher
    database: Database
    said: list[str]


@asynccontextmanager
async def bench(
    url: str,
    store: Path | str,
    *,
    options: WriteOptions | None = None,
    observers: Sequence[Observer] = (),
    timeout_s: float = 10.0,
    wrap: Callable[[Any], Any] = lambda server: server,
    **given: Any,
) -> AsyncIterator[Bench]:
    """A publisher on a data store file (or URL) and a server."""
    settings = FhirSettings(base_url=url, timeout_s=timeout_s)
    connection = connect(settings, clock=WallClock(), observers=observers)
    database = open_database(store if isinstance(store, str) else f"sqlite:///{store}")
    said: list[str] = []
    publisher = FhirPublisher(
        server_name="test",
        server=wrap(connection.client),
        database=database,
        tables=load_tables(),
        options=options or WriteOptions(software="test", server_url=url),
        check=check,
        on_result=said.append,
        **given,
    )
    try:
        yield Bench(publisher, database, said)
    finally:
        await connection.close()
        await database.close()


def event(report: str, version: str = "1") -> ResourceEvent:
    """The notification of a report."""
    return ResourceEvent(server="test", resource_type="DiagnosticReport", resource_id=report, version=version)
