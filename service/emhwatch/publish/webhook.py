"""Delivers alerts to the site's webhook: signed, replay-safe, again until taken, at last a dead letter.

Headers: `X-Emhwatch-Id` (the same for every attempt at one alert: take it once), `X-Emhwatch-Signature:
t=<seconds>,v1=<hex>` where v1 is HMAC-SHA-256 of `<seconds>.<body>` under the shared key. A receiver refuses a
signature older than five minutes and an id that it has taken; `verify` shows how.
"""

import asyncio
import hashlib
import hmac
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import Connection, select, update

from emhwatch.errors import ConfigurationError, StoreUnavailable
from emhwatch.fhir.base import is_protected
from emhwatch.pause import pause
from emhwatch.ports import Clock, Database
from emhwatch.publish.schema import DEAD, DELIVERED, PENDING, alert
from emhwatch.store.schema import now_ms

TOLERANCE_S = 300
_ATTEMPTS = 20  #: about a day with the pauses below
_FIRST_S, _LONGEST_S = 2.0, 7200.0
_LEASE_MS = 60_000  #: longer than one request: another replica may try only after that
_BATCH = 20


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Value of the signature header."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def verify(secret: str, header: str, body: bytes, now: int) -> bool:
    """Whether a request is ours and fresh: what a receiver does."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    if not parts.get("t", "").isdecimal() or abs(now - int(parts["t"])) > TOLERANCE_S:
        return False
    return hmac.compare_digest(signature(secret, int(parts["t"]), body), header)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """The outbox's worker; several replicas may run it."""

    database: Database
    http: httpx.AsyncClient  #: must not follow redirects
    url: str
    secret: str
    clock: Clock
    on_outcome: Callable[[str], None] = lambda _: None  #: "delivered", "failed", "dead"; for metrics

    def __post_init__(self) -> None:
        if not is_protected(self.url):
            raise ConfigurationError(
                "The webhook is not reached over TLS.", remedy="Set EMHWATCH_PUBLISH_WEBHOOK_URL to an https address."
            )
        if not self.secret:
            raise ConfigurationError("Alerts would not be signed.", remedy="Set EMHWATCH_PUBLISH_WEBHOOK_SECRET.")

    async def run(self, stop: asyncio.Event, *, every_s: float = 1.0) -> None:
        """Deliver what is due until told to stop."""
        while not stop.is_set():
            try:
                more = await self.deliver_due() == _BATCH
            except StoreUnavailable:
                more = False  # what is kept stays; the next round tries again
            if not more:
                await pause(every_s, stop)

    async def deliver_due(self) -> int:
        """One round; returns how many alerts were tried."""
        claimed = await self.database.write(_claim)
        for row in claimed:
            await self._deliver(row)
        return len(claimed)

    async def _deliver(self, row: dict[str, Any]) -> None:
        body = row["payload"].encode()
        now = int(self.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "X-Emhwatch-Id": row["id"],
            "X-Emhwatch-Signature": signature(self.secret, now, body),
        }
        try:
            response = await self.http.post(self.url, content=body, headers=headers)
            reason = None if 200 <= response.status_code < 300 else f"http-{response.status_code}"
        except httpx.HTTPError:
            reason = "no-answer"
        if reason is None:
            state, pause_s = DELIVERED, 0.0
        else:
            state = DEAD if row["attempts"] >= _ATTEMPTS else PENDING
            pause_s = min(_LONGEST_S, _FIRST_S * 2 ** (row["attempts"] - 1)) * (0.75 + random.random() / 2)  # noqa: S311 - jitter
        self.on_outcome({DELIVERED: "delivered", DEAD: "dead"}.get(state, "failed"))

        def settle(connection: Connection) -> None:
            # An alert that was cancelled meanwhile but has arrived is withdrawn by the next assessment's message.
            connection.execute(
                update(alert)
                .where(alert.c.id == row["id"], alert.c.state == PENDING)
                .values(state=state, reason=reason, due=now_ms() + int(pause_s * 1000))
            )

        await self.database.write(settle)


def _claim(connection: Connection) -> list[dict[str, Any]]:
    query = select(alert).where(alert.c.state == PENDING, alert.c.due <= now_ms()).order_by(alert.c.due).limit(_BATCH)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    claimed = []
    for row in connection.execute(query).mappings().all():
        connection.execute(
            update(alert).where(alert.c.id == row["id"]).values(due=now_ms() + _LEASE_MS, attempts=row["attempts"] + 1)
        )
        claimed.append({**row, "attempts": row["attempts"] + 1})
    return claimed
