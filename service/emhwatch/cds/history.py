"""Cards shown and answers given, remembered for de-duplication, overrides and withdrawal (policy 7.4-7.6)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, delete, insert, select

from emhwatch.cds.remembered import Remembered
from emhwatch.cds.schema import cds_card, cds_feedback, cds_token
from emhwatch.errors import StoreUnavailable
from emhwatch.model.assessment import Assessment
from emhwatch.model.history import CardShown, History, Override
from emhwatch.ports import Database
from emhwatch.publish.channel import seen
from emhwatch.publish.schema import event_card, published_set
from emhwatch.store.schema import now_ms
from emhwatch.types import Indicator, Tier

OTHER = "other"  #: `CardShown.hook` of a card that another clinician was shown
EVENT = "event"  #: `CardShown.hook` of the event loop
_OVERRIDDEN = "overridden"
_DAY_MS = 86_400_000
_SOON_S, _AGAIN_S = 0.02, 1.0
_MOST = 300  #: of one patient; what lies before them is no longer looked at
_MAX_PENDING = 10_000  #: cards that wait while the data store is away
_VERSIONS = select(published_set.c.focus, published_set.c.version_number).where(
    published_set.c.server == bindparam("server_name"),
    published_set.c.patient == bindparam("patient_id"),
    published_set.c.version_number.is_not(None),
)
_INSERT = insert(cds_card).values(shown=now_ms())


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """To whom and where cards go."""

    service: str
    hook: str
    client: str
    server: str
    user: str | None
    encounter: str | None


class CardHistory:
    """`ports.HistoryStore` on the data store.

    What is shown is written a moment later, many cards in one write, so that no clinician waits for the disk. A crash
    in that moment costs at most that a card is shown once more, and its feedback is kept as that of an unknown card.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._remembered = Remembered(database, monotonic)
        self._pending: list[dict[str, Any]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def load(self, server: str, patient: str) -> History:
        """Everything remembered about one patient."""
        return await self._database.read(lambda connection: _load(connection, server, patient, None))

    async def load_for(self, server: str, patient: str, user: str | None) -> History:
        """The same as one clinician sees it: what another one was shown does not silence a card (hook `OTHER`)."""
        if not await self._remembered.maybe(server, patient):
            return History()
        return await self._database.read(lambda connection: _load(connection, server, patient, user))

    async def versions(self, server: str, patient: str) -> dict[str, int]:
        """Newest version of each report that the event loop has evaluated, by "DiagnosticReport/id"."""
        return await self._database.read(
            lambda connection: {
                row.focus: row.version_number
                for row in connection.execute(_VERSIONS, {"server_name": server, "patient_id": patient})
            }
        )

    def remember(self, showing: Showing, assessment: Assessment, cards: Sequence[dict[str, Any]]) -> None:
        """Keep that cards are shown."""
        self._pending += [_row(showing, assessment, card) for card in cards]
        if cards:
            self._remembered.add(showing.server, assessment.patient or "")
        if self._pending and self._flushing is None:
            self._flushing = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """Write what is pending; durable on return."""
        rows, self._pending = self._pending, []

        def work(connection: Connection) -> None:
            if rows:
                connection.execute(_INSERT, rows)
            for row in rows:
                if row["indicator"] == Indicator.CRITICAL:
                    seen(connection, row["server"], row["patient"])  # ends an alert that no channel delivered

        try:
            await self._database.write(work)
        except StoreUnavailable:
            self._pending = [*rows, *self._pending][-_MAX_PENDING:]
            raise

    async def _write_soon(self) -> None:
        pause = _SOON_S
        try:
            while self._pending:
                await asyncio.sleep(pause)
                try:
                    await self.flush()
                    pause = _SOON_S
                except StoreUnavailable:  # the store says so in its own check; cards go on
                    pause = _AGAIN_S
        finally:
            self._flushing = None

    async def close(self) -> None:
        """Write what is pending and stop."""
        if self._flushing:
            self._flushing.cancel()
            self._flushing = None
        if self._pending:
            await self.flush()

    async def purge(self, *, keep_days: int) -> None:
        """Forget what is older, and tokens that have expired."""

        def work(connection: Connection) -> None:
            oldest = now_ms() - keep_days * _DAY_MS
            connection.execute(delete(cds_card).where(cds_card.c.shown < oldest))
            connection.execute(delete(cds_feedback).where(cds_feedback.c.received < oldest))
            connection.execute(delete(cds_token).where(cds_token.c.expires < now_ms()))

        await self._database.write(work)


def _row(showing: Showing, assessment: Assessment, card: dict[str, Any]) -> dict[str, Any]:
    lead = assessment.leading
    report = lead.report if lead else None
    offered = {s["uuid"]: s["label"] for s in card.get("suggestions", ())}
    return {
        "uuid": card["uuid"],
        "service": showing.service,
        "hook": showing.hook,
        "client": showing.client,
        "server": showing.server,
        "patient": assessment.patient or "",
        "user": _clean(showing.user),
        "encounter": _clean(showing.encounter),
        "mass_key": lead.key if lead else "",
        "row": assessment.row,
        "card": card["source"]["topic"]["display"],
        "tier": assessment.tier.value,
        "indicator": card["indicator"],
        "order": _clean(assessment.draft_order),
        "report": f"{report.reference}/_history/{report.version}" if report and report.version else None,
        "rules": assessment.rules.version,
        "suggestions": orjson.dumps(offered).decode(),
        "shown_on": assessment.t.isoformat(),
    }


def _clean(text: str | None) -> str | None:
    """Without the one character that PostgreSQL cannot store."""
    return text.replace("\x00", "") if text else text


def _load(connection: Connection, server: str, patient: str, user: str | None) -> History:
    mine = (cds_card.c.server == server, cds_card.c.patient == patient)
    shown = [
        _shown(
            dict(row),
            hook=OTHER if user and row["user"] not in (None, user) else row["hook"],
            order=row["order"],
            day=row["shown_on"],
        )
        for row in _newest(connection, select(cds_card).where(*mine), cds_card.c.id)
    ]
    events = select(event_card).where(event_card.c.server == server, event_card.c.patient == patient)
    shown += [
        _shown(dict(row), hook=EVENT, order=None, day=row["shown"], observation=row["observation"])
        for row in _newest(connection, events, event_card.c.id)
    ]
    answered = (
        select(cds_card.c.mass_key, cds_card.c.tier, cds_feedback.c.received, cds_feedback.c.reason_code)
        .join(cds_feedback, cds_feedback.c.card_uuid == cds_card.c.uuid)
        .where(*mine, cds_feedback.c.outcome == _OVERRIDDEN, cds_feedback.c.client == cds_card.c.client)
    )
    overrides = [
        Override(
            mass_key=row["mass_key"],
            tier=Tier(row["tier"]),
            at=datetime.fromtimestamp(row["received"] / 1000, UTC).date(),
            reason=row["reason_code"],
        )
        for row in _newest(connection, answered, cds_feedback.c.id)
    ]
    return History(shown=tuple(shown), overrides=tuple(overrides))


def _newest(connection: Connection, query: Select[Any], number: ColumnElement[int]) -> list[RowMapping]:
    """The newest rows, oldest of them first."""
    return list(reversed(connection.execute(query.order_by(number.desc()).limit(_MOST)).mappings().all()))


def _shown(row: dict[str, Any], *, hook: str, order: str | None, day: str, observation: str | None = None) -> CardShown:
    return CardShown(
        mass_key=row["mass_key"],
        row=row["row"],
        card=row["card"],
        tier=Tier(row["tier"]),
        indicator=Indicator(row["indicator"]),
        hook=hook,
        shown=date.fromisoformat(day),
        order=order,
        report=row["report"],
        observation=observation,
    )
