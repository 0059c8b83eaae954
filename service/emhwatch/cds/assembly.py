"""The parts of CDS Hooks from the settings; the one place of this package that makes connections."""

import time
from collections.abc import Callable

import httpx

from emhwatch.cds.clients import Clients, load_clients
from emhwatch.cds.collect import Readers
from emhwatch.cds.feedback import FeedbackStore
from emhwatch.cds.history import CardHistory
from emhwatch.cds.routes import CdsServices, Observed
from emhwatch.cds.service import CdsService
from emhwatch.cds.trust import Trust
from emhwatch.fhir.keysets import KeySets
from emhwatch.model.options import SiteOptions
from emhwatch.ports import Clock, Database
from emhwatch.settings import Settings
from emhwatch.tables.load import TableSet

EVIDENCE = "/evidence"


def assemble(
    settings: Settings,
    *,
    tables: TableSet,
    options: SiteOptions,
    database: Database,
    clock: Clock,
    observe: Callable[[Observed], None] = lambda _: None,
    report: Callable[[BaseException], None] = lambda _: None,
    fhir: httpx.AsyncBaseTransport | None = None,
    keys: httpx.AsyncBaseTransport | None = None,
) -> CdsServices:
    """Everything that `create_router` needs; `fhir` and `keys` replace the network in tests.

    Raises:
        ConfigurationError: the clients' file or a setting is wrong.
    """
    cds = settings.cds
    connections = fhir or httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32)
    )
    http = httpx.AsyncClient(transport=keys, follow_redirects=False, trust_env=False)
    service = CdsService(
        tables=tables,
        options=options,
        clock=clock,
        history=CardHistory(database),
        readers=Readers(connections, timeout_s=cds.budget_ms / 1000),
        budget_s=cds.budget_ms / 1000,
        default_server=settings.fhir.name,
        evidence_url=cds.evidence_url or cds.public_url.rstrip("/") + EVIDENCE,
        monotonic=time.monotonic,
    )

    async def close() -> None:
        await service.history.close()
        await connections.aclose()
        await http.aclose()

    return CdsServices(
        settings=cds,
        service=service,
        feedback=FeedbackStore(database),
        trust=Trust(clients(settings, tables), KeySets(http, time.monotonic), database, clock),
        observe=observe,
        report=report,
        close=close,
    )


def clients(settings: Settings, tables: TableSet) -> Clients:
    """The registered clients; also what `emhwatch doctor` checks."""
    names = {settings.fhir.base_url.rstrip("/"): settings.fhir.name} if settings.fhir.base_url else {}
    return load_clients(settings.cds, tables.clients, names)


def warnings(settings: Settings, tables: TableSet) -> list[str]:
    """What an operator should know about who may call."""
    found = clients(settings, tables)
    said = []
    if found.anonymous:
        said.append("CDS Hooks is open: any caller gets cards. Set EMHWATCH_CDS_OPEN to false outside a demonstration.")
    if not found.registered and not found.anonymous:
        said.append("No CDS client is registered: every call is refused. Set EMHWATCH_CDS_CLIENTS_FILE.")
    if not settings.cds.public_url.startswith("https://"):
        said.append("EMHWATCH_CDS_PUBLIC_URL is not https; clients require TLS.")
    return said
