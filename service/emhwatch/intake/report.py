"""What a person needs to know of each Subscription. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emhwatch.intake.ledger import Line
from emhwatch.intake.resources import TOPIC
from emhwatch.intake.subscriptions import Standing

#: A heartbeat may be late by its own period.
_HEARTBEATS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One Subscription: as it stands on the server, and what was heard through it."""

    reference: str
    kind: str
    resource_type: str
    status: str
    end: str
    heard_s: float | None  #: seconds since the last notification of any kind
    heartbeat_s: float | None  #: seconds since the last heartbeat; None: there was none
    gaps: int
    missed: int
    problem: str  #: empty: none


def report(
    standing: Sequence[Standing], lines: Mapping[str, Line], mute: Mapping[str, float], *, heartbeat_s: float = 0.0
) -> list[Report]:
    """All Subscriptions.

    Args:
        standing: as the server has them.
        lines: what was heard, by slot.
        mute: seconds since one kept something from us, by slot.
        heartbeat_s: period that was asked for.
    """
    found = []
    for one in standing:
        line = lines.get(one.slot) or Line(slot=one.slot)
        found.append(
            Report(
                reference=one.reference,
                kind=one.kind,
                resource_type=one.resource_type,
                status=one.status,
                end=one.end,
                heard_s=line.heard_s,
                heartbeat_s=line.heartbeat_s,
                gaps=line.gaps,
                missed=line.missed,
                problem=_problem(one, line, one.slot in mute, heartbeat_s),
            )
        )
    return found


def _problem(one: Standing, line: Line, mute: bool, heartbeat_s: float) -> str:
    if one.status != "active":
        return "the server has put an error on it" if one.error else f"it is {one.status or 'without a status'}"
    if mute:
        return "the search finds what it does not tell"
    if one.kind == TOPIC and line.heard_s is None:
        return "nothing was heard through it yet"
    beats = line.heartbeat_s is not None and heartbeat_s > 0.0
    return "its heartbeat stays away" if beats and (line.heard_s or 0.0) > _HEARTBEATS * heartbeat_s else ""
