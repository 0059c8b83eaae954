"""One transaction Bundle for one evaluation, and what the server answered. Pure.

A first write is a conditional create (`ifNoneExist`): on HAPI two racing ones leave one resource, two racing
conditional updates leave two. Every later write is a plain PUT on the id with If-Match.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emhwatch.errors import FhirInvalidResource
from emhwatch.publish.lifecycle import RETIRED, Standing, next_status
from emhwatch.publish.observation import ResourceSet, urn
from emhwatch.types import Resource

_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?$")
#: Elements in which no reference to one of our places stands: most of a resource, left as it is.
_WITHOUT_REFERENCES = frozenset({"component", "text", "meta", "identifier", "code", "category", "note", "extension"})


@dataclass(frozen=True, slots=True)
class Write:
    """One entry of the Bundle, and what stands there when it is done."""

    standing: Standing
    resource: Resource


@dataclass(frozen=True, slots=True)
class Systems:
    """Identifier systems of the table set."""

    output: str
    evaluation: str


def writes_of(
    made: ResourceSet, standing: Mapping[str, Standing], retiring: Sequence[Resource], *, new_version: bool
) -> list[Write]:
    """What has to be written: places that do not say yet what this evaluation says, and places to withdraw."""
    writes = []
    for slot, resource in made.slots.items():
        there = standing.get(slot) or Standing(resource["identifier"][0]["value"], slot, resource["resourceType"])
        if there.resource_id and there.evaluation == made.evaluation and not there.retired:
            continue
        if there.refused_by_person and not new_version:
            continue
        status = next_status(there.kind, resource["status"], there, new_version=new_version)
        status = status if there.resource_id else resource["status"]
        done = replace(there, status=status, evaluation=made.evaluation, retired=False)
        writes.append(Write(done, {**resource, "status": status}))
    by_reference = {there.reference: there for there in standing.values() if there.reference}
    for resource in retiring:
        there = by_reference[f"{resource['resourceType']}/{resource['id']}"]
        writes.append(Write(replace(there, status=RETIRED[there.kind], retired=True), resource))
    return writes


def transaction(
    made: ResourceSet, writes: Sequence[Write], standing: Mapping[str, Standing], device: str, systems: Systems
) -> Resource:
    """The Bundle: the writes, then the Provenance of them."""
    known = {urn(made.focus, slot): there.reference for slot, there in standing.items() if there.reference}
    known[_device_urn(made)] = device
    entries = [_entry(write, known, systems) for write in writes]
    targets = [write.standing.reference or urn(made.focus, write.standing.slot) for write in writes]
    trail = _resolved({**made.provenance, "target": [{"reference": target} for target in targets]}, known)
    entries.append(
        {
            "resource": trail,
            "request": {
                "method": "POST",
                "url": "Provenance",
                "ifNoneExist": f"_tag={systems.evaluation}|{trail['meta']['tag'][0]['code']}",
            },
        }
    )
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def outcome(writes: Sequence[Write], response: Resource) -> list[Standing]:
    """What stands on the server now; `certain` is False where a create found something already there.

    Raises:
        FhirInvalidResource: the answer is not one to this Bundle.
    """
    entries = response.get("entry")
    if not isinstance(entries, list) or len(entries) != len(writes) + 1:
        raise FhirInvalidResource("The FHIR server answered a transaction with another number of entries.")
    standing = []
    for write, entry in zip(writes, entries, strict=False):
        answer = entry.get("response") or {}
        match = _LOCATION.search(str(answer.get("location") or ""))
        ident, version = (match[2], match[3]) if match else (write.standing.resource_id, None)
        etag = str(answer.get("etag") or "").removeprefix("W/").strip('"')
        if ident is None:
            raise FhirInvalidResource("The FHIR server answered a create without a location.")
        found_only = write.standing.resource_id is None and str(answer.get("status", "")).startswith("200")
        standing.append(
            replace(
                write.standing,
                resource_id=ident,
                version=version or etag or None,
                certain=not found_only and bool(match or etag),
            )
        )
    return standing


def _entry(write: Write, known: Mapping[str, str], systems: Systems) -> Resource:
    resource, there = _resolved(write.resource, known), write.standing
    if there.resource_id is None:
        condition = f"identifier={systems.output}|{there.identifier}"
        return {
            "fullUrl": f"urn:uuid:{there.identifier}",
            "resource": resource,
            "request": {"method": "POST", "url": there.kind, "ifNoneExist": condition},
        }
    request: Resource = {"method": "PUT", "url": f"{there.kind}/{there.resource_id}"}
    if there.version:
        request["ifMatch"] = f'W/"{there.version}"'
    return {"resource": {**resource, "id": there.resource_id}, "request": request}


def _resolved(resource: Resource, known: Mapping[str, str]) -> Resource:
    """A copy in which references to places that have an id on the server use it."""
    return {k: v if k in _WITHOUT_REFERENCES else _replaced(v, known) for k, v in resource.items()}


def _replaced(node: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - decoded JSON
    if isinstance(node, dict):
        return {
            k: known.get(v, v) if k == "reference" and isinstance(v, str) else _replaced(v, known)
            for k, v in node.items()
        }
    if isinstance(node, list):
        return [_replaced(item, known) for item in node]
    return node


def _device_urn(made: ResourceSet) -> str:
    return f"urn:uuid:{made.device['identifier'][0]['value']}"
