"""The running parts of intake from the settings; called by the composition root."""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import httpx

from emhwatch.errors import ConfigurationError
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.keysets import KeySets
from emhwatch.inbox.arrival import Arrival
from emhwatch.intake.duty import Duty
from emhwatch.intake.gaps import Gaps
from emhwatch.intake.heard import Heard
from emhwatch.intake.keeper import AUTO, POLL, PUSH, Keeper
from emhwatch.intake.limit import RateLimit
from emhwatch.intake.oidc import PushToken
from emhwatch.intake.reconcile import Pace, Reconciler
from emhwatch.intake.resources import CLASSIC, TOPIC
from emhwatch.intake.routes import EVENT_GRID, PUBSUB, IntakeServices
from emhwatch.intake.search import ChangeSearch
from emhwatch.intake.senders import Proxies, Senders, slot_secret
from emhwatch.intake.subscriptions import Subscriptions
from emhwatch.intake.watch import Watch
from emhwatch.ports import Clock, Database
from emhwatch.settings import IntakeSettings, Settings

MODES = (AUTO, CLASSIC, TOPIC, POLL, PUSH)
CONTENTS = ("empty", "id-only", "full-resource")
Accept = Callable[[list[Arrival]], Awaitable[list[bool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Everything of one server's intake."""

    services: IntakeServices
    keeper: Keeper
    reconciler: Reconciler

    @property
    def secret(self) -> str:
        """Of Subscriptions made by hand."""
        return self.services.senders.secret


def subscriptions(
    settings: Settings, *, client: FhirClient, watches: Sequence[Watch], clock: Clock, secret: str
) -> Subscriptions:
    """The Subscriptions of this installation.

    Raises:
        ConfigurationError: a setting about them is wrong.
    """
    intake = settings.intake
    check(intake)
    return Subscriptions(
        client=client,
        public_url=intake.public_url,
        secret=secret,
        watches=watches,
        clock=clock,
        kind=TOPIC if intake.mode == TOPIC else CLASSIC,
        topics=dict(item.split("=", 1) for item in intake.topics),
        content=intake.content,
        heartbeat_s=intake.heartbeat_s,
        life=timedelta(hours=intake.end_h),
    )


def assemble(
    settings: Settings,
    *,
    client: FhirClient,
    database: Database,
    watches: Sequence[Watch],
    accept: Accept,
    clock: Clock,
    on_fault: Callable[[BaseException], None],
    observe: Callable[[str, str], None],
) -> tuple[Intake, httpx.AsyncClient]:
    """All parts, and the HTTP client to close at the end.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    intake, server = settings.intake, settings.fhir.name
    secret = intake.secret or secrets.token_urlsafe(32)
    ours = subscriptions(settings, client=client, watches=watches, clock=clock, secret=secret)
    watched = frozenset(watch.resource_type for watch in watches)
    http = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=3.0)
    heard, duty = Heard(), Duty(database, server)
    reconciler = Reconciler(
        server=server,
        search=ChangeSearch(client),
        watches=watches,
        accept=accept,
        database=database,
        clock=clock,
        pace=Pace(intake.poll_s, intake.reconcile_s, timedelta(hours=intake.lookback_h)),
        on_duty=duty.held,
        on_fault=on_fault,
    )
    keeper = Keeper(
        server=server,
        mode=intake.mode,
        subscriptions=ours,
        heard=heard,
        gaps=Gaps(
            server=server, client=client, database=database, watched=watched, accept=accept, look=reconciler.look
        ),
        duty=duty,
        database=database,
        every_s=intake.reconcile_s,
        look=reconciler.look,
        on_fault=on_fault,
    )
    reconciler.notified, reconciler.on_missed = keeper.notified, keeper.missed
    services = IntakeServices(
        server=server,
        base_url=client.base.url,
        senders=senders(intake, ours, secret),
        watched=watched,
        max_bytes=intake.max_body_kib * 1024,
        accept=accept,
        look=reconciler.look,
        ours=keeper.names,
        heard=heard,
        limit=RateLimit(intake.rate_per_s, time.monotonic),
        push_token=_push_token(intake, http, clock),
        observe=observe,
        report=on_fault,
    )
    return Intake(services=services, keeper=keeper, reconciler=reconciler), http


def senders(intake: IntakeSettings, ours: Subscriptions, secret: str) -> Senders:
    """All that may notify."""
    pushing = dict.fromkeys(intake.push, intake.push_secret)
    if PUBSUB in pushing and intake.pubsub_audience:
        del pushing[PUBSUB]  # it proves itself by a token
    return Senders(
        secret=secret,
        slots={**{name: slot_secret(secret, name) for name in ours.slots}, **pushing},
        by_hand=frozenset(intake.subscriptions),
        proxies=Proxies(addresses=frozenset(intake.proxies), header=intake.subject_header, subjects=intake.subjects),
    )


def check(intake: IntakeSettings) -> None:
    """Refuse settings that contradict each other.

    Raises:
        ConfigurationError: one is wrong.
    """
    for name, value, known in (
        ("MODE", intake.mode, MODES),
        ("CONTENT", intake.content, CONTENTS),
        *(("PUSH", one, (PUBSUB, EVENT_GRID)) for one in intake.push),
    ):
        if value not in known:
            raise ConfigurationError(f"EMHWATCH_INTAKE_{name} is not known.", remedy=f"Set one of {', '.join(known)}.")
    if any("=" not in item for item in intake.topics):
        raise ConfigurationError("EMHWATCH_INTAKE_TOPICS is not Type=canonical.", remedy="Correct the list.")
    by_token = bool(intake.pubsub_audience)
    if by_token and not intake.pubsub_account:
        raise ConfigurationError("The account of Pub/Sub is not set.", remedy="Set EMHWATCH_INTAKE_PUBSUB_ACCOUNT.")
    if not intake.push_secret and set(intake.push) - ({PUBSUB} if by_token else set()):
        raise ConfigurationError("A cloud service would need no secret.", remedy="Set EMHWATCH_INTAKE_PUSH_SECRET.")
    if intake.mode == PUSH and not intake.push:
        raise ConfigurationError("No cloud service may notify.", remedy="Set EMHWATCH_INTAKE_PUSH, or another mode.")


def _push_token(intake: IntakeSettings, http: httpx.AsyncClient, clock: Clock) -> PushToken | None:
    if PUBSUB not in intake.push or not intake.pubsub_audience:
        return None
    return PushToken(
        keysets=KeySets(http, time.monotonic),
        keys_url=intake.pubsub_keys,
        audience=intake.pubsub_audience,
        account=intake.pubsub_account,
        clock=clock,
    )
