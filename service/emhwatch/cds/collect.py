"""The data of one call: prefetch first, then what is missing from the client's own FHIR server, within the time.

A prefetch key has three states. A value is used; null means that the client looked and found nothing; an absent key
is fetched. An OperationOutcome means that the client could not tell, and asking again would not help. A server is
asked only if it is configured for the client, with the client's token.
"""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

import httpx

from emhwatch.cds.clients import Client
from emhwatch.cds.request import FhirAccess, HookRequest, resources_of
from emhwatch.chart.relevance import attachments
from emhwatch.errors import FhirError, FhirGone, FhirNotFound
from emhwatch.fhir.auth import FixedAuthorization, NoAuthorization
from emhwatch.fhir.base import FhirBase
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.retry import RetryPolicy
from emhwatch.fhir.transport import Limits, Transport
from emhwatch.ports import FhirReader
from emhwatch.tables.clients import Prefetch
from emhwatch.types import Resource

CUT_OFF = "cut-off"
NO_BINARY = "fetch-binary"
NO_ORDER = "fetch-orders"
_MAX_RESOURCES = 500
_MAX_ATTACHMENTS = 10
_MAX_ATTACHMENT_BYTES = 4 * 1024 * 1024
_OUTCOME = "OperationOutcome"
_VERSION_DIGITS = 18


@dataclass(slots=True)
class Gathered:
    """What could be had, and what could not."""

    resources: list[Resource] = field(default_factory=list)
    orders: list[Resource] = field(default_factory=list)
    missing: list[Prefetch] = field(default_factory=list)  #: templates without an answer
    incomplete: list[str] = field(default_factory=list)  #: codes of `mappings/chart/reasons.csv`


@dataclass(frozen=True, slots=True)
class Readers:
    """Readers of the clients' FHIR servers; connections are shared, tokens are not kept."""

    connections: httpx.AsyncBaseTransport
    timeout_s: float

    def open(self, access: FhirAccess | None, client: Client) -> FhirReader | None:
        """A reader for this call; None when the server is not configured for the client, or a token is missing."""
        server = client.server(access.base) if access else None
        if server is None or access is None or (access.token is None and not server.without_token):
            return None
        authorization = FixedAuthorization.bearer(access.token) if access.token else NoAuthorization()
        limits = Limits(timeout_s=self.timeout_s, retry=RetryPolicy(attempts=1))
        transport = Transport(
            FhirBase.parse(server.base),
            authorization=authorization,
            limits=limits,
            transport=self.connections,
            allow_http=True,  # the site configured this very address
        )
        return FhirClient(transport)


async def gather(
    request: HookRequest, templates: Sequence[Prefetch], reader: FhirReader | None, *, seconds: Callable[[], float]
) -> Gathered:
    """Everything for one decision. `seconds` gives the time that is left for fetching."""
    found = Gathered(orders=list(request.orders))
    partial = _prefetched(request, templates, found)
    absent = [t for t in templates if t.key not in request.prefetch]
    orders, files = _open_orders(request, found), _open_attachments(found.resources)
    # Everything counts as missing until it is there, so that running out of time needs no bookkeeping.
    found.missing += absent
    found.incomplete += [CUT_OFF for _ in partial] + [NO_ORDER for _ in orders]
    if reader is None:
        found.incomplete += [NO_BINARY for _ in files]
        return found
    await _within(
        [
            *(_fetch(found, template, request, reader) for template in absent),
            *(_complete(found, template, request, reader) for template in partial),
            *(_fetch_order(found, reference, reader) for reference in orders),
        ],
        seconds(),
    )
    files = _open_attachments(found.resources)
    found.incomplete += [NO_BINARY for _ in files]
    await _within([_fetch_attachment(found, reference, reader) for reference in files], seconds())
    return found


async def renew(
    found: Gathered, newest: Mapping[str, int], templates: Sequence[Prefetch], reader: FhirReader | None, seconds: float
) -> None:
    """Replace reports that the event loop has seen in a newer version; without the newer one they are not used."""
    by_type = {template.resource_type: template for template in templates}
    stale = [r for r in found.resources if r["resourceType"] in by_type and _number(r) < newest.get(_reference(r), 0)]
    if not stale:
        return
    found.resources = [r for r in found.resources if r not in stale]
    report = by_type[stale[0]["resourceType"]]
    found.missing.append(report)
    if reader is None:
        return
    fresh: list[Resource] = []

    async def read(reference: str) -> None:
        with suppress(FhirError):
            fresh.append(await reader.read(reference))

    await _within([read(_reference(r)) for r in stale], seconds)
    found.resources += fresh
    if len(fresh) == len(stale):
        found.missing.remove(report)


def _number(resource: Resource) -> float:
    """The version as a number; infinite when it is none, so that it never counts as old."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if isinstance(version, str) and version.isdecimal() and len(version) < _VERSION_DIGITS:
        return int(version)
    return float("inf")


def _prefetched(request: HookRequest, templates: Sequence[Prefetch], found: Gathered) -> list[Prefetch]:
    """Take what was sent; the templates of which only the first page was sent."""
    partial = [t for t in templates if t.key in request.prefetch and _take(found, t, request.prefetch[t.key])]
    known = {template.key for template in templates}
    for key, value in request.prefetch.items():
        if key not in known:  # named by the site itself; what it holds may help
            found.resources += [r for r in resources_of(value) if r.get("resourceType") != _OUTCOME]
    wanted = set(request.order_references)
    found.orders += [r for r in found.resources if _reference(r) in wanted]
    return partial


def _take(found: Gathered, template: Prefetch, value: object) -> bool:
    """Use one prefetch value; whether there is a next page."""
    if value is None:
        return False
    resources = resources_of(value)
    usable = [r for r in resources if r.get("resourceType") != _OUTCOME]
    found.resources += usable
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str) or (resources and not usable):
        found.missing.append(template)
        return False
    if len(usable) < len(resources):
        found.incomplete.append(template.gap)
    links = value.get("link")
    return any(isinstance(x, dict) and x.get("relation") == "next" for x in (links if isinstance(links, list) else ()))


async def _within(tasks: Sequence[Coroutine[Any, Any, None]], seconds: float) -> None:
    """Run all; what is not there in time is given up."""
    running = [asyncio.ensure_future(task) for task in tasks]
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=max(0.0, seconds))
    for task in late:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def _search(found: Gathered, template: Prefetch, request: HookRequest, reader: FhirReader) -> Sequence[Resource]:
    query = template.query.replace("{{context.patientId}}", request.patient)
    kind, _, search = query.partition("?")
    if not search:
        return (await reader.read(query),)
    result = await reader.search(kind, parse_qsl(search), max_resources=_MAX_RESOURCES)
    found.incomplete += [CUT_OFF] if not result.complete else []
    found.incomplete += [template.gap] if result.outcomes else []
    return result.resources


async def _fetch(found: Gathered, template: Prefetch, request: HookRequest, reader: FhirReader) -> None:
    try:
        resources = await _search(found, template, request, reader)
    except FhirError:
        return
    found.missing.remove(template)
    found.resources += resources


async def _complete(found: Gathered, template: Prefetch, request: HookRequest, reader: FhirReader) -> None:
    """Search again where a first page was sent: a link of a request body is never followed."""
    try:
        resources = await _search(found, template, request, reader)
    except FhirError:
        return
    there = {_reference(r) for r in found.resources}
    found.incomplete.remove(CUT_OFF)
    found.resources += [r for r in resources if _reference(r) not in there]


async def _fetch_order(found: Gathered, reference: str, reader: FhirReader) -> None:
    try:
        found.orders.append(await reader.read(reference))
    except FhirError:
        return
    found.incomplete.remove(NO_ORDER)


async def _fetch_attachment(found: Gathered, reference: str, reader: FhirReader) -> None:
    try:
        data, content_type = await reader.binary(reference, max_bytes=_MAX_ATTACHMENT_BYTES)
    except (FhirNotFound, FhirGone):
        found.incomplete.remove(NO_BINARY)  # the report names something that is not there; the chart says so
        return
    except FhirError:
        return
    found.incomplete.remove(NO_BINARY)
    binary: Resource = {"resourceType": "Binary", "id": reference.rpartition("/")[2]}
    if content_type:
        binary["contentType"] = content_type
    found.resources.append({**binary, "data": base64.b64encode(data).decode()})


def _reference(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _open_orders(request: HookRequest, found: Gathered) -> list[str]:
    there = {_reference(r) for r in found.orders}
    return [r for r in request.order_references if r not in there]


def _open_attachments(resources: Sequence[Resource]) -> list[str]:
    """Attachments that the newest reports refer to and that are not at hand."""
    return list(islice(attachments(resources), _MAX_ATTACHMENTS))
