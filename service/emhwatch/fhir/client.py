"""The FHIR server as the service uses it: `ports.FhirReader` and `ports.FhirWriter` over one base URL."""

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from urllib.parse import urlencode

import orjson

from emhwatch.errors import (
    FHIR_LASTING,
    FhirError,
    FhirGone,
    FhirInvalidResource,
    FhirNotFound,
    FhirRejected,
    FhirUnavailable,
)
from emhwatch.fhir.base import FhirBase
from emhwatch.fhir.batch import batch_of, first_pages
from emhwatch.fhir.discovery import Capabilities, SmartConfiguration
from emhwatch.fhir.exchange import Exchange, Observer, patients_of
from emhwatch.fhir.outcome import error_of, issue_codes
from emhwatch.fhir.transport import Answer, Transport
from emhwatch.ports import Query, SearchResult
from emhwatch.types import Resource

_JSON = "application/fhir+json"
_GET_LIMIT = 1500  #: characters of a query; above it the search goes by POST, which no proxy cuts
_PAGE_SIZE = "100"
_AT_ONCE = 4  #: searches at once where they cannot go together
_NO_SUCH_THING = (500, 501)  #: how servers answer a batch that they do not know


class FhirClient:
    """Reads and writes; every method raises the `FhirError` tree only."""

    def __init__(self, transport: Transport, *, observers: Sequence[Observer] = ()) -> None:
        self._transport, self._observers = transport, tuple(observers)
        self._batches: bool | None = None  #: whether the server takes a batch; None: not known

    @property
    def base(self) -> FhirBase:
        """The configured base."""
        return self._transport.base

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def read(self, reference: str, *, version: str | None = None) -> Resource:
        """Read `Type/id`, or one version of it."""
        kind, ident, named = self.base.reference(reference)
        at = version or named
        path = f"{kind}/{ident}" + (f"/_history/{at}" if at else "")
        body = await self._request("GET", path, interaction="vread" if at else "read", resource_type=kind)
        if body.get("resourceType") != kind:
            raise FhirInvalidResource("The FHIR server answered a read with another resource type.")
        return body

    async def search(
        self, resource_type: str, params: Sequence[tuple[str, str]], *, max_resources: int = 1000
    ) -> SearchResult:
        """Search and follow `next` links on the same server; `complete` is False when something was left out."""
        return await _collected(self.pages(resource_type, _counted(params)), max_resources)

    async def search_together(self, queries: Sequence[Query]) -> Sequence[SearchResult | FhirError]:
        """Several searches in one batch; one by one on a server that does not take it."""
        asked = [Query(q.resource_type, _counted(q.params), q.max_resources) for q in queries]
        firsts = await self._batch(asked) if self._batches is not False else None
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(query: Query, first: Resource | FhirError | None) -> SearchResult | FhirError:
            if isinstance(first, FhirError):
                return first
            kind = query.resource_type
            pages = self._following(first, kind, "search-type") if first else self.pages(kind, query.params)
            try:
                async with gate:
                    return await _collected(pages, query.max_resources)
            except FHIR_LASTING as error:
                return error

        return await asyncio.gather(*map(one, asked, firsts or repeat(None)))

    async def _batch(self, queries: Sequence[Query]) -> list[Resource | FhirError] | None:
        """First pages of all searches; None when the server does not do a batch."""
        params = tuple(dict.fromkeys(pair for query in queries for pair in query.params))
        try:
            answer = await self._request("POST", "", body=batch_of(queries), interaction="batch", searched=params)
        except FHIR_LASTING:
            self._batches = self._batches or False
            return None
        except FhirUnavailable as error:
            if self._batches or error.http_status not in _NO_SUCH_THING:
                raise
            return None
        found = first_pages(answer, len(queries))
        self._batches = self._batches or (True if found is not None else None)
        return found

    async def pages(self, path: str, params: Sequence[tuple[str, str]]) -> AsyncIterator[Resource | None]:
        """Bundles of a search or a history, page by page; None when a next link is foreign or turns in a circle."""
        interaction = "history-type" if path.endswith("_history") else "search-type"
        kind = path.partition("/")[0]
        given = tuple(params)
        if interaction == "search-type" and sum(len(n) + len(v) for n, v in given) > _GET_LIMIT:
            bundle = await self._search_by_post(kind, given)
        else:
            bundle = await self._request("GET", path, params=given, interaction=interaction, resource_type=kind)
        async for page in self._following(bundle, kind, interaction):
            yield page

    async def _following(self, bundle: Resource, kind: str, interaction: str) -> AsyncIterator[Resource | None]:
        """A first page and those that its links lead to."""
        seen: set[str] = set()
        while True:
            yield bundle
            link = next((x.get("url") for x in bundle.get("link") or [] if x.get("relation") == "next"), None)
            if not isinstance(link, str):
                return
            url = link if "://" in link else f"{self.base.url}/{link.lstrip('/')}"
            if url in seen or not self.base.owns(url.partition("?")[0]):
                yield None
                return
            seen.add(url)
            bundle = await self._request("GET", url, interaction=interaction, resource_type=kind)

    async def history(self, resource_type: str, *, since: datetime) -> AsyncIterator[Resource | None]:
        """`Type/_history?_since=...`, page by page; deletes are entries without a resource."""
        params = (("_since", since.isoformat(timespec="milliseconds")), ("_count", _PAGE_SIZE))
        async for bundle in self.pages(f"{resource_type}/_history", params):
            yield bundle

    async def binary(self, reference: str, *, max_bytes: int) -> tuple[bytes, str | None]:
        """Raw bytes and content type of `Binary/id`; raises `FhirRejected` above `max_bytes`."""
        kind, ident, _ = self.base.reference(reference)
        # A server that knows only the resource form sends base64: a third larger, and the JSON around it.
        answer = await self._send(
            "GET",
            f"{kind}/{ident}",
            interaction="read",
            resource_type=kind,
            accept="*/*",
            max_bytes=max_bytes * 2 + 4096,
        )
        content_type = answer.headers.get("content-type")
        data = answer.body
        if (content_type or "").partition(";")[0] in (_JSON, "application/json"):
            resource = _decode(answer.body)
            if resource is not None and resource.get("resourceType") == "Binary":
                content_type = resource.get("contentType")
                try:
                    data = base64.b64decode(resource.get("data") or "", validate=False)
                except (binascii.Error, TypeError, ValueError):
                    raise FhirInvalidResource("A Binary holds data that is not base64.") from None
        if len(data) > max_bytes:
            raise FhirRejected("A Binary is larger than the limit.")
        return data, content_type

    async def transaction(self, bundle: Resource) -> Resource:
        """Post a transaction Bundle; `OutcomeUnknown` when no answer came back."""
        return await self._request(
            "POST", "", body=bundle, interaction="transaction", headers={"Prefer": "return=minimal"}
        )

    async def create(self, resource: Resource, *, if_none_exist: str | None = None) -> Resource:
        """Create, optionally conditionally; the answer is the resource as it stands on the server."""
        headers = {"Prefer": "return=representation"}
        if if_none_exist:
            headers["If-None-Exist"] = if_none_exist
        kind = str(resource["resourceType"])
        return await self._request(
            "POST", kind, body=resource, interaction="create", resource_type=kind, headers=headers
        )

    async def update(self, resource: Resource, *, if_match: str | None = None) -> Resource:
        """Update by id; `if_match` is the version that must still be current."""
        kind, ident, _ = self.base.reference(f"{resource['resourceType']}/{resource['id']}")
        headers = {"Prefer": "return=representation"}
        if if_match:
            headers["If-Match"] = f'W/"{if_match}"'
        return await self._request(
            "PUT", f"{kind}/{ident}", body=resource, interaction="update", resource_type=kind, headers=headers
        )

    async def delete(self, reference: str) -> None:
        """Delete `Type/id`; a resource that is already gone is no error."""
        kind, ident, _ = self.base.reference(reference)
        try:
            # Deleting twice ends as deleting once, so a lost answer needs no look-up.
            await self._send("DELETE", f"{kind}/{ident}", interaction="delete", resource_type=kind, writes=False)
        except (FhirGone, FhirNotFound):
            return

    async def operation(self, path: str, parameters: Resource | None = None) -> Resource:
        """An operation, `Type/id/$name`: POST with Parameters, else GET."""
        if parameters is None:
            return await self._request("GET", path, interaction="operation")
        return await self._request("POST", path, body=parameters, interaction="operation")

    async def capabilities(self) -> Capabilities:
        """The CapabilityStatement."""
        return Capabilities.parse(await self._request("GET", "metadata", interaction="capabilities"))

    async def date(self) -> str | None:
        """The `Date` header of the server: its clock, in whole seconds."""
        answer = await self._send("GET", "metadata", interaction="capabilities")
        return answer.headers.get("date")

    async def smart_configuration(self) -> SmartConfiguration | None:
        """`.well-known/smart-configuration`, None when the server has none."""
        try:
            answer = await self._send(
                "GET", ".well-known/smart-configuration", interaction="capabilities", accept="application/json"
            )
        except (FhirNotFound, FhirRejected):
            return None
        return SmartConfiguration.parse(_decode(answer.body))

    async def _search_by_post(self, kind: str, params: tuple[tuple[str, str], ...]) -> Resource:
        answer = await self._send(
            "POST",
            f"{kind}/_search",
            content=urlencode(params).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            interaction="search-type",
            resource_type=kind,
            searched=params,
        )
        return _resource(answer)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        interaction: str,
        resource_type: str | None = None,
        params: tuple[tuple[str, str], ...] = (),
        body: Resource | None = None,
        headers: Mapping[str, str] | None = None,
        searched: tuple[tuple[str, str], ...] = (),
    ) -> Resource:
        answer = await self._send(
            method,
            path,
            params=params,
            headers={**(headers or {}), **({"Content-Type": _JSON} if body is not None else {})},
            content=orjson.dumps(body) if body is not None else None,
            writes=interaction in ("create", "update", "transaction"),
            interaction=interaction,
            resource_type=resource_type,
            sent=body,
            searched=searched or params,
        )
        return _resource(answer)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        interaction: str,
        resource_type: str | None = None,
        params: tuple[tuple[str, str], ...] = (),
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        writes: bool = False,
        accept: str = _JSON,
        max_bytes: int | None = None,
        sent: Resource | None = None,
        searched: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        started = time.perf_counter()
        answer: Answer | None = None
        try:
            answer = await self._transport.send(
                method,
                path,
                params=params,
                headers={"Accept": accept, "Cache-Control": "no-cache", **(headers or {})},
                content=content,
                writes=writes,
                max_bytes=max_bytes,
            )
            if not 200 <= answer.status < 300:
                raise error_of(answer.status, _decode(answer.body), answer.headers, writes=writes)
            return answer
        finally:
            if self._observers:
                self._observe(interaction, resource_type, path, answer, sent, searched, time.perf_counter() - started)

    def _observe(
        self,
        interaction: str,
        resource_type: str | None,
        path: str,
        answer: Answer | None,
        sent: Resource | None,
        searched: tuple[tuple[str, str], ...],
        seconds: float,
    ) -> None:
        patients = patients_of(sent) if sent else ()
        for name, value in searched:
            if name in ("patient", "subject"):
                patients += tuple(f"Patient/{who.removeprefix('Patient/')}" for who in value.split(",") if who)
        received = _decode(answer.body) if answer is not None and not patients else None
        if received is not None:
            patients = patients_of(received)
        exchange = Exchange(
            interaction=interaction,
            resource_type=resource_type,
            references=(path,) if interaction in ("read", "vread", "update", "delete") else (),
            patients=tuple(dict.fromkeys(patients)),
            status=answer.status if answer else None,
            seconds=seconds,
            attempts=answer.attempts if answer else 0,
        )
        for observer in self._observers:
            observer(exchange)


def _counted(params: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """With a page size of our own where none is given."""
    given = tuple(params)
    return given if any(name == "_count" for name, _ in given) else (*given, ("_count", _PAGE_SIZE))


async def _collected(pages: AsyncIterator[Resource | None], max_resources: int) -> SearchResult:
    """The resources of all pages, up to a bound."""
    resources: list[Resource] = []
    outcomes: list[str] = []
    async for bundle in pages:
        if bundle is None:
            return SearchResult(tuple(resources), False, (*outcomes, "next-link-refused"))
        for entry in _entries(bundle):
            resource = entry.get("resource")
            if not isinstance(resource, dict):
                outcomes.append("entry-without-resource")
            elif resource.get("resourceType") == "OperationOutcome":
                outcomes += issue_codes(resource)
            elif len(resources) == max_resources:
                return SearchResult(tuple(resources), False, tuple(outcomes))
            else:
                resources.append(resource)
    return SearchResult(tuple(resources), True, tuple(outcomes))


def _entries(bundle: Resource) -> list[Resource]:
    entries = bundle.get("entry")
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def _decode(body: bytes) -> Resource | None:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _resource(answer: Answer) -> Resource:
    resource = _decode(answer.body)
    if resource is None or not isinstance(resource.get("resourceType"), str):
        raise FhirInvalidResource("The FHIR server answered with something that is not a FHIR resource.")
    return resource
