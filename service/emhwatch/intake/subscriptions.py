"""Keeps one Subscription a watched type on the FHIR server: made, adopted, repaired, renewed in time, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from emhwatch.errors import FhirConflict, FhirForbidden, FhirInvalidResource, FhirNotFound, FhirRejected
from emhwatch.fhir.client import FhirClient
from emhwatch.intake.resources import (
    CLASSIC,
    PROFILE,
    TAG,
    TOPIC,
    TOPIC_CODE,
    Wanted,
    canonical,
    slot,
    topic_resource,
    topic_url,
)
from emhwatch.intake.senders import HEADER, PATH, slot_secret
from emhwatch.intake.watch import Watch
from emhwatch.model.shape import obj, text
from emhwatch.ports import Clock
from emhwatch.types import Resource

#: States in which a Subscription will notify.
LIVE = frozenset({"active", "requested"})
#: What a server answers that will not have a Subscription, however often it is asked.
REFUSED = (FhirConflict, FhirForbidden, FhirInvalidResource, FhirNotFound, FhirRejected)


@dataclass(frozen=True, slots=True)
class Standing:
    """One Subscription of ours as it stands on the server."""

    slot: str
    reference: str
    kind: str
    criteria: str
    status: str
    end: str
    error: bool  #: the server has written an error on it
    made: bool = field(default=False, compare=False)  #: just now

    @property
    def id(self) -> str:
        """Of the Subscription."""
        return self.reference.rpartition("/")[2]

    @property
    def resource_type(self) -> str:
        """That it watches."""
        return self.criteria.partition("?")[0]


@dataclass(slots=True, kw_only=True)
class Subscriptions:
    """The Subscriptions of one installation."""

    client: FhirClient
    public_url: str
    secret: str
    watches: Sequence[Watch]
    clock: Clock
    kind: str = CLASSIC
    topics: dict[str, str] = field(default_factory=dict)  #: canonical by type, of the server; others are made
    content: str = "id-only"
    heartbeat_s: int = 0
    life: timedelta = timedelta(0)  #: until `end`; zero: no end

    @property
    def endpoint(self) -> str:
        """Below which all our Subscriptions have theirs."""
        return self.public_url.rstrip("/") + PATH

    @property
    def slots(self) -> dict[str, Watch]:
        """Names that our Subscriptions of either kind have below the endpoint."""
        return {slot(kind, watch): watch for kind in (CLASSIC, TOPIC) for watch in self.watches}

    async def supported(self) -> bool:
        """Whether the server says that it takes Subscriptions.

        Raises:
            FhirError: it says nothing now.
        """
        return "create" in (await self.client.capabilities()).interactions("Subscription")

    async def ensure(self) -> list[Standing]:
        """Make what is missing, repair what is off or differs, renew what ends, remove what is double or not wanted.

        Raises:
            FhirError: the server refuses them, or cannot be asked now.
        """
        if self.kind == TOPIC:
            await self._topics()
        wanted = {one.slot: one for one in map(self._wanted, self.watches)}
        standing = []
        for found in sorted(await self._ours(), key=lambda r: r.get("status") not in LIVE):
            one = wanted.pop(self._slot(found) or "", None)
            if one is None:
                await self.client.delete(f"Subscription/{found['id']}")
                continue
            if found.get("status") not in LIVE or not one.fits(found) or self._ends(found):
                found = await self.client.update({**one.resource(self._end()), "id": found["id"]})
            standing.append(self._standing(found))
        made = [replace(self._standing(await self._create(one)), made=True) for one in wanted.values()]
        return [*standing, *made]

    async def standing(self) -> list[Standing]:
        """Those on the server, as they are."""
        return [self._standing(found) for found in await self._ours()]

    async def renew(self) -> list[Standing]:
        """Put all anew, whatever their state, and make what is missing."""
        for found in await self._ours():
            one = {w.slot: w for w in map(self._wanted, self.watches)}.get(self._slot(found) or "")
            if one is not None:
                await self.client.update({**one.resource(self._end()), "id": found["id"]})
        return await self.ensure()

    async def delete(self) -> int:
        """Remove all of this installation; returns how many. Topics stay: others may use them."""
        found = await self._ours()
        for subscription in found:
            await self.client.delete(f"Subscription/{subscription['id']}")
        return len(found)

    async def has_topics(self) -> bool:
        """Whether the server says that it takes Subscriptions of the Backport."""
        said = (await self.client.capabilities()).rest.get("Subscription", {})
        return PROFILE in (said.get("supportedProfile") or [])

    async def _create(self, one: Wanted) -> Resource:
        try:
            return await self.client.create(one.resource(self._end()))
        except FhirRejected:  # some servers refuse a Subscription because of a heartbeat or an end
            return await self.client.create(replace(one, heartbeat_s=0).resource(None))

    async def _ours(self) -> list[Resource]:
        try:
            found = (await self.client.search("Subscription", [("_tag", f"{TAG['system']}|{TAG['code']}")])).resources
        except FhirRejected:  # a server without the parameter
            found = ()
        if not found:  # or one that keeps no tags
            found = (await self.client.search("Subscription", [])).resources
        return [r for r in found if self._slot(r) is not None]

    def _slot(self, found: Resource) -> str | None:
        """Its name below our endpoint, empty for the endpoint itself; None when it notifies somebody else."""
        endpoint = text(obj(found, "channel"), "endpoint") or ""
        if endpoint.rstrip("/") == self.endpoint:
            return "" if TAG in (obj(found, "meta").get("tag") or []) else None
        prefix = self.endpoint + "/"
        return endpoint.removeprefix(prefix) if endpoint.startswith(prefix) else None

    async def _topics(self) -> None:
        """Make our topics where the server has none of its own for the type and lets us."""
        own = [watch for watch in self.watches if watch.resource_type not in self.topics]
        if not own:
            return
        try:
            found = await self.client.search("Basic", [("code", f"{TOPIC_CODE['system']}|{TOPIC_CODE['code']}")])
            known = {topic_url(basic) for basic in found.resources}
            for watch in own:
                if canonical(watch) not in known:
                    await self.client.create(topic_resource(watch))
        except REFUSED:
            return  # the topic may be known to the server in another way; the Subscription will tell

    def _wanted(self, watch: Watch) -> Wanted:
        name = slot(self.kind, watch)
        return Wanted(
            watch=watch,
            kind=self.kind,
            endpoint=f"{self.endpoint}/{name}",
            header=f"{HEADER}: {slot_secret(self.secret, name)}",
            topic=self.topics.get(watch.resource_type, canonical(watch)),
            content=self.content,
            heartbeat_s=self.heartbeat_s,
        )

    def _end(self) -> datetime | None:
        return self.clock.now() + self.life if self.life else None

    def _ends(self, found: Resource) -> bool:
        """Whether less than half of its life is left; a server may give it a shorter one than asked for."""
        try:
            end = datetime.fromisoformat(text(found, "end") or "")
            return end - self.clock.now() < (self.life or timedelta(hours=1)) / 2
        except (TypeError, ValueError):
            return False

    def _standing(self, found: Resource) -> Standing:
        name = self._slot(found) or ""
        watch = self.slots.get(name)
        return Standing(
            slot=name,
            reference=f"Subscription/{found.get('id')}",
            kind=TOPIC if name.startswith("topic-") else CLASSIC,
            criteria=watch.criteria if watch else text(found, "criteria") or "",
            status=text(found, "status") or "",
            end=text(found, "end") or "",
            error=bool(found.get("error")),
        )
