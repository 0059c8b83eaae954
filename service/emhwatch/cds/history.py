"""Cards shown and answers given, remembered for de-duplication, overrides and withdrawal (policy 7.4-7.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

from emhwatch.cds.schema import cds_card, cds_feedback, cds_token
from emhwatch.model.assessment import Assessment
from emhwatch.model.history import CardShown, History, Override
from emhwatch.ports import Database
from emhwatch.publish.channel import seen
from emhwatch.publish.schema import event_card
from emhwatch.store.schema import now_ms
from emhwatch.types import Indicator, Tier

OTHER = "other"  #: `CardShown.hook` of a card that another clinician was shown
EVENT = "event"  #: `CardShown.hook` of the event loop
_OVERRIDDEN = "overridden"
_DAY_MS = 86_400_000


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
    """`ports.HistoryStore` on the data store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, server: str, patient: str) -> History:
        """Everything remembered about one patient."""
        return await self._database.read(lambda connection: _load(connection, server, patient, None))

    async def load_for(self, server: str, patient: str, user: str | None) -> History:
        """The same as one clinician sees it: what another one was shown does not silence a card (hook `OTHER`)."""
        return await self._database.read(lambda connection: _load(connection, server, patient, user))

    async def remember(self, showing: Showing, assessment: Assessment, cards: Sequence[dict[str, Any]]) -> None:
        """Keep that cards are shown; durable on return."""
        rows = [_row(showing, assessment, card) for card in cards]

        def work(connection: Connection) -> None:
            for row in rows:
                connection.execute(insert(cds_card).values(row))
                if row["indicator"] == Indicator.CRITICAL:
                    seen(connection, row["server"], row["patient"])  # ends an alert that no channel delivered

        if rows:
            await self._database.write(work)

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
        "user": showing.user,
        "encounter": showing.encounter,
        "mass_key": lead.key if lead else "",
        "row": assessment.row,
        "card": card["source"]["topic"]["display"],
        "tier": assessment.tier.value,
        "indicator": card["indicator"],
        "order": assessment.draft_order,
        "report": f"{report.reference}/_history/{report.version}" if report and report.version else None,
        "rules": assessment.rules.version,
        "suggestions": orjson.dumps(offered).decode(),
        "shown_on": assessment.t.isoformat(),
        "shown": now_ms(),
    }


def _load(connection: Connection, server: str, patient: str, user: str | None) -> History:
    mine = (cds_card.c.server == server, cds_card.c.patient == patient)
    shown = [
        _shown(
            dict(row),
            hook=OTHER if user and row["user"] not in (None, user) else row["hook"],
            order=row["order"],
            day=row["shown_on"],
        )
        for row in connection.execute(select(cds_card).where(*mine).order_by(cds_card.c.id)).mappings()
    ]
    events = select(event_card).where(event_card.c.server == server, event_card.c.patient == patient)
    shown += [
        _shown(dict(row), hook=EVENT, order=None, day=row["shown"], observation=row["observation"])
        for row in connection.execute(events.order_by(event_card.c.id)).mappings()
    ]
    answered = (
        select(cds_card.c.mass_key, cds_card.c.tier, cds_feedback.c.received, cds_feedback.c.reason_code)
        .join(cds_feedback, cds_feedback.c.card_uuid == cds_card.c.uuid)
        .where(*mine, cds_feedback.c.outcome == _OVERRIDDEN, cds_feedback.c.client == cds_card.c.client)
        .order_by(cds_feedback.c.id)
    )
    overrides = [
        Override(
            mass_key=row["mass_key"],
            tier=Tier(row["tier"]),
            at=datetime.fromtimestamp(row["received"] / 1000, UTC).date(),
            reason=row["reason_code"],
        )
        for row in connection.execute(answered).mappings()
    ]
    return History(shown=tuple(shown), overrides=tuple(overrides))


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
