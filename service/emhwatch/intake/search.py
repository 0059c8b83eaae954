"""Finds on the FHIR server what has changed since an instant: by type history where there is one, else by search.

Only the clock of the FHIR server counts here. A server sets `lastUpdated` before it commits (all resources of one
transaction carry the instant of its start), so the search always goes back by `OVERLAP` from where it had come.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from emhwatch.errors import FhirForbidden, FhirNotFound, FhirRejected, NotificationMalformed
from emhwatch.fhir.client import FhirClient
from emhwatch.intake.notification import Change, change_of, entry_change
from emhwatch.intake.watch import Watch
from emhwatch.model.shape import obj, objects, text
from emhwatch.types import Resource

#: Longer than the longest transaction of a server.
OVERLAP = timedelta(seconds=60)
#: What says that this server has no type history for us, whatever it declares.
_NO_HISTORY = (FhirForbidden, FhirNotFound, FhirRejected)


@dataclass(frozen=True, slots=True)
class Found:
    """One page."""

    changes: tuple[tuple[Change, datetime | None], ...]  #: with `lastUpdated`
    malformed: int  #: entries that name no resource

    @property
    def newest(self) -> datetime | None:
        """The latest `lastUpdated` of the page."""
        return max((instant for _, instant in self.changes if instant is not None), default=None)


class ChangeSearch:
    """The searches of one server; remembers which types have no history."""

    def __init__(self, client: FhirClient) -> None:
        self._client = client
        self._histories: frozenset[str] | None = None  #: types that declare it; None: not asked yet

    async def since(self, watch: Watch, since: datetime, *, deletes: bool) -> AsyncIterator[Found]:
        """Pages of what has changed, with `deletes` also what was deleted, where the server has a history of the type.

        Raises:
            FhirError: the server could not be read; what was yielded so far is not everything.
        """
        if deletes and not watch.params and watch.resource_type in await self._declared():
            began = False
            try:
                async for bundle in self._client.history(watch.resource_type, since=since):
                    yield _page(_whole(bundle), watch, history=True)
                    began = True
                return
            except _NO_HISTORY:
                if began:
                    raise
                self._histories = await self._declared() - {watch.resource_type}
        params = [("_lastUpdated", f"ge{since.isoformat(timespec='milliseconds')}"), ("_sort", "_lastUpdated")]
        given = [*params, *watch.params, ("_count", "100")]
        async for bundle in self._client.pages(watch.resource_type, given):
            yield _page(_whole(bundle), watch, history=False)

    async def _declared(self) -> frozenset[str]:
        if self._histories is None:
            found = await self._client.capabilities()
            self._histories = frozenset(kind for kind in found.rest if "history-type" in found.interactions(kind))
        return self._histories


def _whole(bundle: Resource | None) -> Resource:
    if bundle is None:
        raise FhirRejected(
            "A next link leads away from the FHIR server or in a circle.",
            remedy="Let the server give its links under EMHWATCH_FHIR_BASE_URL.",
        )
    return bundle


def _page(bundle: Resource, watch: Watch, *, history: bool) -> Found:
    changes, malformed = [], 0
    for entry in objects(bundle, "entry"):
        resource = obj(entry, "resource")
        if resource.get("resourceType") not in ((watch.resource_type, None) if history else (watch.resource_type,)):
            continue
        try:
            change = entry_change(entry) if history else change_of(resource)
        except NotificationMalformed:
            malformed += 1
        else:
            changes.append((change, _updated(resource)))
    return Found(tuple(changes), malformed)


def _updated(resource: Resource) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text(obj(resource, "meta"), "lastUpdated") or "")
    except ValueError:
        return None
    return instant if instant.tzinfo else None
