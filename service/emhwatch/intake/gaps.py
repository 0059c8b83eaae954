"""Gets events whose numbers stayed missing: by `$events` where the server offers it, else by a search."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from emhwatch.errors import FhirError, IntakeError
from emhwatch.fhir.client import FhirClient
from emhwatch.inbox.arrival import Arrival
from emhwatch.intake import ledger
from emhwatch.intake.numbers import Count
from emhwatch.intake.topic import topic
from emhwatch.ports import Database
from emhwatch.telemetry.log import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Of one server."""

    server: str
    client: FhirClient
    database: Database
    watched: frozenset[str]
    accept: Callable[[list[Arrival]], Awaitable[list[bool]]]
    look: Callable[[], None]

    async def fill(self, slot: str, subscription: str | None, count: Count) -> None:
        """Take in what is missing.

        Args:
            slot: of the Subscription.
            subscription: its id on the server, if it is known.
            count: with the missing numbers.
        """
        if count.missing is None or count.expected is None:
            return
        first, last = count.missing
        if subscription is None or not await self._events(subscription, first, last):
            self.look()
        log("events that stayed away were looked for", reason="gap")
        await self.database.write(lambda c: ledger.close_gap(c, self.server, slot, last))

    async def _events(self, subscription: str, first: int, last: int) -> bool:
        """Whether the server gave all of them again."""
        try:
            if "events" not in (await self.client.capabilities()).operations("Subscription"):
                return False
            asked = f"$events?eventsSinceNumber={first}&eventsUntilNumber={last}"
            said = topic(await self.client.operation(f"Subscription/{subscription}/{asked}"), base=self.client.base.url)
        except (FhirError, IntakeError):  # the search finds them too
            return False
        arrivals = [c.arrival(self.server, "topic") for c in said.changes if c.resource_type in self.watched]
        if arrivals:
            await self.accept(arrivals)
        return not said.look and set(range(first, last + 1)) <= set(said.numbers)
