"""One call of a CDS service: gather, decide, show. Knows nothing of HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emhwatch.assess.evaluate import SiteOptions, evaluate
from emhwatch.cds.cards import build
from emhwatch.cds.clients import Client
from emhwatch.cds.collect import NO_ORDER, Gathered, Readers, gather, renew
from emhwatch.cds.history import CardHistory, Showing
from emhwatch.cds.request import HookRequest
from emhwatch.cds.shape import Card, problems, shaped
from emhwatch.chart.relevance import is_biopsy
from emhwatch.errors import CdsFailed, HookRequestInvalid, PrefetchIncomplete
from emhwatch.model.assessment import Assessment
from emhwatch.model.history import History
from emhwatch.ports import Clock
from emhwatch.tables.load import TableSet

_IDENTITY = "identity"
#: Bodies above this are evaluated beside the event loop, so that one long chart does not hold up all callers.
_INLINE_BYTES = 96 * 1024
#: Share of the time that fetching may use; the rest is for the evaluation and the answer.
_FETCH_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Answer:
    """Cards for the client, and why there are none."""

    cards: list[Card]
    assessment: Assessment | None = None
    silence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdsService:
    """All services; they differ in their hook only."""

    tables: TableSet
    options: SiteOptions
    clock: Clock
    history: CardHistory
    readers: Readers
    budget_s: float
    default_server: str  #: name of the FHIR server when the client names none
    evidence_url: str
    monotonic: Callable[[], float]

    async def answer(self, service: str, request: HookRequest, client: Client, *, size: int) -> Answer:
        """The cards for one request of `size` bytes.

        Raises:
            HookRequestInvalid: report, order and hook do not concern one patient.
            PrefetchIncomplete: data without which nothing can be said was not available.
            CdsFailed: the evaluation failed; this never looks like "no cards".
        """
        end = self.monotonic() + self.budget_s * _FETCH_SHARE
        if request.hook.orders and not request.order_references:
            if not request.orders:
                return Answer([], silence="no-order")
            if not any(is_biopsy(order, self.tables) for order in request.orders):
                return Answer([], silence="other-order")  # most orders of a hospital: nothing is fetched for them
        reader = self.readers.open(request.access, client)
        found = await gather(request, self.tables.clients.prefetch, reader, seconds=lambda: end - self.monotonic())
        server = client.server(request.access.base) if request.access else None
        name = server.name if server else self.default_server
        newest = await self.history.versions(name, f"Patient/{request.patient}")
        await renew(found, newest, self.tables.clients.prefetch, reader, end - self.monotonic())
        if missing := [t.key for t in found.missing if t.need == _IDENTITY]:
            raise _incomplete(missing)
        if NO_ORDER in found.incomplete and not any(is_biopsy(order, self.tables) for order in found.orders):
            raise _incomplete([request.hook.orders])
        history = await self._history(name, request, client)
        assessment = await self._assess(request, found, history, inline=size <= _INLINE_BYTES)
        if assessment.error:
            raise CdsFailed()
        if assessment.blocked == _IDENTITY:
            raise HookRequestInvalid("Report, order and hook do not concern one patient.")
        cards = self._cards(request, found, assessment, client)
        silence = _silence(request, assessment)
        if not cards and not silence and found.missing:
            raise _incomplete([t.key for t in found.missing])
        showing = Showing(
            service=service,
            hook=request.hook.hook,
            client=client.id,
            server=name,
            user=request.user,
            encounter=request.encounter,
        )
        self.history.remember(showing, assessment, cards)
        return Answer(cards, assessment, "" if cards else silence or f"row {assessment.row}")

    async def _history(self, server: str, request: HookRequest, client: Client) -> History | None:
        if client.profile.repeats != "policy":
            return None
        return await self.history.load_for(server, f"Patient/{request.patient}", request.user)

    async def _assess(
        self, request: HookRequest, found: Gathered, history: History | None, *, inline: bool
    ) -> Assessment:
        incomplete = tuple(dict.fromkeys([*(t.gap for t in found.missing), *found.incomplete]))

        def work() -> Assessment:
            return evaluate(
                found.resources,
                focus=None,
                patient=f"Patient/{request.patient}",
                now=self.clock.now(),
                tables=self.tables,
                options=self.options,
                history=history,
                incomplete=incomplete,
                searched=True,
                draft_orders=found.orders,
                hook=request.hook.hook,
            )

        return work() if inline else await asyncio.to_thread(work)

    def _cards(self, request: HookRequest, found: Gathered, assessment: Assessment, client: Client) -> list[Card]:
        if request.hook.orders and assessment.draft_order is None:
            return []
        chart = [r for r in found.resources if r.get("resourceType") == "ServiceRequest"]
        orders = [*found.orders, *chart] if request.order_actions else chart
        built = build(assessment, self.tables, hook=request.hook.hook, orders=orders, instance=request.instance)
        if not request.order_actions:
            built = [_without_order_changes(card) for card in built]
        cards = [shaped(card, client.profile, evidence_url=self.evidence_url) for card in built]
        if problems(cards):
            raise CdsFailed()
        return cards


def _without_order_changes(card: dict[str, Any]) -> dict[str, Any]:
    """Where the order cannot be changed from (a dispatch, a booking), only new orders are offered."""
    kept = [s for s in card.get("suggestions", ()) if all(a["type"] == "create" for a in s["actions"])]
    return {**card, "suggestions": kept}


def _silence(request: HookRequest, assessment: Assessment) -> str:
    if request.hook.orders and assessment.draft_order is None:
        return "other-order"
    return assessment.silenced or ("deceased" if assessment.blocked == "deceased" else "")


def _incomplete(keys: Sequence[str]) -> PrefetchIncomplete:
    return PrefetchIncomplete(
        f"Not available: {', '.join(sorted(set(keys)))}.",
        remedy="Send it as prefetch, or give access to the FHIR server.",
    )
