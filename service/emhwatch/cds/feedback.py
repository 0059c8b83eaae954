"""What clinicians did with the cards: kept as sent, joined with what was shown, counted, exported."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, select

from emhwatch.cds.schema import cds_card, cds_feedback
from emhwatch.errors import HookRequestInvalid
from emhwatch.ports import Database
from emhwatch.store.schema import now_ms

ACCEPTED, OVERRIDDEN = "accepted", "overridden"
_MAX_ITEMS = 1000
_MAX_TEXT = 4000
#: Columns of the export (ONC HTI-1: intervention, action taken, feedback, user, date, location), in this order.
COLUMNS = (
    *("shown_at", "card_uuid", "card", "row", "tier", "indicator", "rules", "service", "hook", "client"),
    *("user", "encounter", "patient", "outcome", "accepted_suggestions", "override_system", "override_code"),
    *("comment", "outcome_time", "received_at", "known", "repeated"),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer to one card."""

    card: str
    outcome: str
    accepted: tuple[str, ...]
    reason_system: str | None
    reason_code: str | None
    comment: str | None
    time: str


@dataclass(frozen=True, slots=True)
class Count:
    """Shown, answered and ignored cards of one rule version, client and row."""

    rules: str
    client: str
    row: str
    card: str
    shown: int
    accepted: int
    overridden: int

    @property
    def ignored(self) -> int:
        """Cards that nobody answered; no client reports this."""
        return self.shown - self.accepted - self.overridden


def parse_feedback(body: object) -> list[Answered]:
    """Read a feedback body.

    Raises:
        HookRequestInvalid: with the place, never the value.
    """
    items = body.get("feedback") if isinstance(body, dict) else None
    if not isinstance(items, list) or not items or len(items) > _MAX_ITEMS:
        raise HookRequestInvalid(f"feedback is not a list of 1 to {_MAX_ITEMS} answers.")
    return [_answer(item, f"feedback[{place}]") for place, item in enumerate(items)]


def _answer(item: object, place: str) -> Answered:
    if not isinstance(item, dict):
        raise HookRequestInvalid(f"{place} is not an object.")
    outcome = item.get("outcome")
    if outcome not in (ACCEPTED, OVERRIDDEN):
        raise HookRequestInvalid(f"{place}.outcome is neither accepted nor overridden.")
    suggestions = item.get("acceptedSuggestions") or []
    if not isinstance(suggestions, list) or not all(isinstance(s, dict) for s in suggestions):
        raise HookRequestInvalid(f"{place}.acceptedSuggestions is not a list of objects.")
    why = item.get("overrideReason") or {}
    reason = (why.get("reason") or {}) if isinstance(why, dict) else None
    if not isinstance(why, dict) or not isinstance(reason, dict):
        raise HookRequestInvalid(f"{place}.overrideReason is not an object with a coded reason.")
    return Answered(
        card=_string(item, "card", place) or _missing(place, "card"),
        outcome=outcome,
        accepted=tuple(_string(s, "id", f"{place}.acceptedSuggestions") or "" for s in suggestions),
        reason_system=_string(reason, "system", place),
        reason_code=_string(reason, "code", place),
        comment=_string(why, "userComment", place),
        time=_time(item, place),
    )


def _missing(place: str, name: str) -> str:
    raise HookRequestInvalid(f"{place}.{name} is missing.")


def _string(item: Mapping[str, Any], name: str, place: str) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_TEXT or "\x00" in value:
        raise HookRequestInvalid(f"{place}.{name} is not a string of bounded length.")
    return value


def _time(item: Mapping[str, Any], place: str) -> str:
    value = _string(item, "outcomeTimestamp", place) or _missing(place, "outcomeTimestamp")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise HookRequestInvalid(f"{place}.outcomeTimestamp is not an RFC 3339 instant.") from None
    return value


class FeedbackStore:
    """Feedback on the data store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, service: str, client: str, answers: Sequence[Answered]) -> None:
        """Keep all; cards that we do not know and answers that came before are kept and marked."""
        await self._database.write(lambda connection: _keep(connection, service, client, answers))

    async def counts(self) -> list[Count]:
        """What happened to the cards, by rule version, client and row."""
        return await self._database.read(_counts)

    async def export(self) -> list[dict[str, Any]]:
        """One record for each answer and one for each card without an answer, oldest first."""
        return await self._database.read(lambda connection: list(_records(connection)))


def _keep(connection: Connection, service: str, client: str, answers: Sequence[Answered]) -> None:
    for answer in answers:
        values = {
            "card_uuid": answer.card,
            "client": client,
            "outcome": answer.outcome,
            "accepted": orjson.dumps(answer.accepted).decode(),
            "reason_system": answer.reason_system,
            "reason_code": answer.reason_code,
            "comment": answer.comment,
            "outcome_time": answer.time,
        }
        same = [cds_feedback.c[name].is_not_distinct_from(value) for name, value in values.items()]
        repeated = connection.execute(select(cds_feedback.c.id).where(*same).limit(1)).first() is not None
        shown = select(cds_card.c.id).where(cds_card.c.uuid == answer.card, cds_card.c.client == client).limit(1)
        known = connection.execute(shown).first() is not None
        connection.execute(
            insert(cds_feedback).values(**values, service=service, known=known, repeated=repeated, received=now_ms())
        )


def _counts(connection: Connection) -> list[Count]:
    by = (cds_card.c.rules, cds_card.c.client, cds_card.c.row, cds_card.c.card)
    # A card that was both accepted and overridden (the public sandbox sends both) counts as accepted.
    accepted = _answered(ACCEPTED)
    overridden = and_(_answered(OVERRIDDEN), ~accepted)
    query = select(
        *by,
        func.count(),
        func.sum(func.coalesce(_one(accepted), 0)),
        func.sum(func.coalesce(_one(overridden), 0)),
    ).group_by(*by)
    return [Count(*row) for row in connection.execute(query.order_by(*by))]


def _answered(outcome: str) -> ColumnElement[bool]:
    return (
        select(cds_feedback.c.id)
        .where(
            cds_feedback.c.card_uuid == cds_card.c.uuid,
            cds_feedback.c.client == cds_card.c.client,
            cds_feedback.c.outcome == outcome,
        )
        .correlate(cds_card)
        .exists()
    )


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _records(connection: Connection) -> Iterator[dict[str, Any]]:
    joined = cds_card.outerjoin(
        cds_feedback, and_(cds_feedback.c.card_uuid == cds_card.c.uuid, cds_feedback.c.client == cds_card.c.client)
    )
    shown = select(cds_card, *_feedback_columns()).select_from(joined).order_by(cds_card.c.id, cds_feedback.c.id)
    for row in connection.execute(shown).mappings():
        yield _record(dict(row))
    unknown = select(cds_feedback).where(~cds_feedback.c.known).order_by(cds_feedback.c.id)
    for row in connection.execute(unknown).mappings():
        yield _record({"uuid": row["card_uuid"], **{f"f_{name}": value for name, value in row.items()}, **row})


def _feedback_columns() -> list[Any]:
    return [column.label(f"f_{column.name}") for column in cds_feedback.c]


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    answered = row["f_outcome"] is not None
    return {
        "shown_at": _instant(row.get("shown")),
        "card_uuid": row["uuid"],
        **{name: row.get(name) for name in ("card", "row", "tier", "indicator", "rules")},
        **{name: row.get(name) for name in ("service", "hook", "client", "user", "encounter", "patient")},
        "outcome": row["f_outcome"] or "ignored",
        "accepted_suggestions": orjson.loads(row["f_accepted"]) if answered else [],
        "override_system": row["f_reason_system"],
        "override_code": row["f_reason_code"],
        "comment": row["f_comment"],
        "outcome_time": row["f_outcome_time"],
        "received_at": _instant(row["f_received"]),
        "known": bool(row["f_known"]) if answered else True,
        "repeated": bool(row["f_repeated"]) if answered else False,
    }


def _instant(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def ndjson(records: Sequence[Mapping[str, Any]]) -> bytes:
    """One JSON object a line, columns in order."""
    return b"".join(orjson.dumps({name: record[name] for name in COLUMNS}) + b"\n" for record in records)


def as_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """The same as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow([_cell(record[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def count_rows(counts: Sequence[Count]) -> list[dict[str, Any]]:
    """Counts as plain records, `ignored` included."""
    return [{**asdict(count), "ignored": count.ignored} for count in counts]
