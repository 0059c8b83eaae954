"""The parts of write-back from the settings, for the composition root."""

from collections.abc import Callable

import httpx

from emhwatch import __version__
from emhwatch.errors import ConfigurationError
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.r4b import check
from emhwatch.ports import Clock, Database
from emhwatch.publish.audit import FileAudit, ServerAudit
from emhwatch.publish.channel import AlertLedger
from emhwatch.publish.coding import Coder
from emhwatch.publish.options import Quotes, WriteOptions
from emhwatch.publish.webhook import WebhookDelivery
from emhwatch.publish.writer import FhirPublisher
from emhwatch.settings import PublishSettings, Settings
from emhwatch.tables.load import TableSet
from emhwatch.types import Indicator


def write_options(settings: PublishSettings, *, server_url: str = "") -> WriteOptions:
    """What the site decides about the resources.

    Raises:
        ConfigurationError: a value is not one of those allowed.
    """
    if settings.quotes not in list(Quotes):
        raise ConfigurationError("EMHWATCH_PUBLISH_QUOTES is not known.", remedy="Set off, offsets or snippet.")
    if not set(settings.alert_levels) <= {Indicator.CRITICAL, Indicator.WARNING, Indicator.INFO}:
        raise ConfigurationError(
            "EMHWATCH_PUBLISH_ALERT_LEVELS is not known.", remedy="Set words out of critical, warning and info."
        )
    return WriteOptions(
        software=__version__,
        server_url=server_url,
        quotes=Quotes(settings.quotes),
        source_references=settings.source_references,
        performer=settings.performer or None,
        recipient=settings.communication_recipient or None,
        task_owner=settings.task_owner or None,
        flag=settings.flag,
        alert_levels=frozenset(settings.alert_levels),
    )


def publisher(
    settings: Settings,
    *,
    client: FhirClient,
    database: Database,
    tables: TableSet,
    on_result: Callable[[str], None] = lambda _: None,
) -> FhirPublisher:
    """The publisher of the configured server."""
    options = write_options(settings.publish, server_url=client.base.url)
    return FhirPublisher(
        server_name=settings.fhir.name,
        server=client,
        database=database,
        tables=tables,
        options=options,
        check=check,
        enabled=settings.publish.enabled,
        alerts=AlertLedger(options, webhook=bool(settings.publish.webhook_url)),
        on_result=on_result,
    )


def webhook(
    settings: Settings, *, database: Database, clock: Clock, on_outcome: Callable[[str], None] = lambda _: None
) -> WebhookDelivery | None:
    """The webhook's worker; None when no webhook is set.

    Raises:
        ConfigurationError: no key, or no TLS.
    """
    if not settings.publish.webhook_url:
        return None
    return WebhookDelivery(
        database=database,
        http=httpx.AsyncClient(timeout=settings.fhir.timeout_s, follow_redirects=False, trust_env=False),
        url=settings.publish.webhook_url,
        secret=settings.publish.webhook_secret,
        clock=clock,
        on_outcome=on_outcome,
    )


def audit(settings: PublishSettings, *, tables: TableSet, clock: Clock) -> FileAudit | ServerAudit | None:
    """The audit trail: an observer for the FHIR client.

    Raises:
        ConfigurationError: the kind is not known, or the file cannot be written.
    """
    coder = Coder.of(tables)
    if settings.audit == "file":
        return FileAudit(settings.audit_file, coder=coder, software=__version__, clock=clock)
    if settings.audit == "server":
        return ServerAudit(coder=coder, software=__version__, clock=clock)
    if settings.audit == "off":
        return None
    raise ConfigurationError("EMHWATCH_PUBLISH_AUDIT is not known.", remedy="Set file, server or off.")
