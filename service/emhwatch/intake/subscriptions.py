"""Keeps one classic R4 rest-hook Subscription a watched type on the FHIR server: made, adopted, repaired, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from emhwatch.errors import FhirError
from emhwatch.fhir.client import FhirClient
from emhwatch.intake.routes import HEADER, PATH
from emhwatch.intake.watch import Watch
from emhwatch.types import Resource

#: Ours are found by this tag; the endpoint tells two installations apart.
TAG = {"system": "urn:emhwatch:subscription", "code": "emhwatch"}
_LIVE = frozenset({"active", "requested"})


@dataclass(frozen=True, slots=True)
class Standing:
    """One Subscription of ours as it stands on the server."""

    reference: str
    criteria: str
    status: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """The Subscriptions of one installation."""

    client: FhirClient
    endpoint: str
    secret: str
    watches: Sequence[Watch]

    @classmethod
    def of(cls, client: FhirClient, *, public_url: str, secret: str, watches: Sequence[Watch]) -> "Subscriptions":
        """Those that notify `public_url`."""
        return cls(client=client, endpoint=public_url.rstrip("/") + PATH, secret=secret, watches=watches)

    async def ensure(self) -> list[Standing]:
        """Make what is missing, repair what is off or differs, remove what is double or no longer wanted.

        Raises:
            FhirError: the server has no subscriptions, or refuses them.
        """
        wanted = {watch.criteria: watch for watch in self.watches}
        standing = []
        for found in await self._ours():
            watch = wanted.pop(str(found.get("criteria")), None)
            if watch is None:
                await self.client.delete(f"Subscription/{found['id']}")
                continue
            if not self._fits(found):
                renewed = {**self._resource(watch), "id": found["id"]}
                found = await self.client.update(renewed)
            standing.append(_standing(found))
        made = [await self.client.create(self._resource(watch)) for watch in wanted.values()]
        return [*standing, *map(_standing, made)]

    async def standing(self) -> list[Standing]:
        """Those on the server, as they are."""
        return [_standing(found) for found in await self._ours()]

    async def delete(self) -> int:
        """Remove all of this installation; returns how many."""
        found = await self._ours()
        for subscription in found:
            await self.client.delete(f"Subscription/{subscription['id']}")
        return len(found)

    async def supported(self) -> bool:
        """Whether the server says that it takes Subscriptions."""
        try:
            return "create" in (await self.client.capabilities()).interactions("Subscription")
        except FhirError:
            return False

    async def _ours(self) -> list[Resource]:
        result = await self.client.search("Subscription", [("_tag", f"{TAG['system']}|{TAG['code']}")])
        return [r for r in result.resources if (r.get("channel") or {}).get("endpoint") == self.endpoint]

    def _fits(self, found: Resource) -> bool:
        headers = (found.get("channel") or {}).get("header") or []
        return found.get("status") in _LIVE and f"{HEADER}: {self.secret}" in headers

    def _resource(self, watch: Watch) -> Resource:
        return {
            "resourceType": "Subscription",
            "meta": {"tag": [TAG]},
            "status": "requested",
            "reason": f"Changes of {watch.resource_type} for emhwatch",
            "criteria": watch.criteria,
            "channel": {
                "type": "rest-hook",
                "endpoint": self.endpoint,
                "payload": "application/fhir+json",
                "header": [f"{HEADER}: {self.secret}"],
            },
        }


def _standing(found: Resource) -> Standing:
    return Standing(
        f"Subscription/{found.get('id')}",
        str(found.get("criteria")),
        str(found.get("status")),
        "error" if found.get("error") else "",
    )
