"""What really stands on the server: a search by our identifiers, before anything is sent again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from emhwatch.errors import FhirUnavailable
from emhwatch.ports import FhirReader
from emhwatch.publish.bundle import Systems
from emhwatch.publish.lifecycle import RETIRED, Standing
from emhwatch.types import Resource


@dataclass(frozen=True, slots=True)
class Found:
    """The places as they stand, and resources that stand there twice."""

    standing: dict[str, Standing]
    doubles: tuple[Resource, ...]


async def look_up(reader: FhirReader, places: Mapping[str, Standing], systems: Systems) -> Found:
    """Find every place by its identifier.

    Raises:
        FhirError: the server could not be asked, or the answer was cut.
    """
    found: dict[str, list[Resource]] = {there.identifier: [] for there in places.values()}
    for kind in dict.fromkeys(there.kind for there in places.values()):
        identifiers = [there.identifier for there in places.values() if there.kind == kind]
        result = await reader.search(kind, [("identifier", ",".join(f"{systems.output}|{i}" for i in identifiers))])
        if not result.complete:
            raise FhirUnavailable("The search for our own results was cut.")
        for resource in result.resources:
            if resource.get("resourceType") == kind and (value := _value(resource, systems.output)) in found:
                found[value].append(resource)
    standing, doubles = {}, []
    for slot, there in places.items():
        matches = sorted(found[there.identifier], key=_age)
        standing[slot] = _as_found(there, matches[0] if matches else None, systems)
        doubles += matches[1:]
    return Found(standing, tuple(doubles))


async def find_device(reader: FhirReader, identifier: Mapping[str, str]) -> str | None:
    """The id of a Device by its identifier."""
    result = await reader.search("Device", [("identifier", f"{identifier['system']}|{identifier['value']}")])
    devices: Sequence[Resource] = [r for r in result.resources if r.get("resourceType") == "Device"]
    return str(sorted(devices, key=_age)[0]["id"]) if devices else None


def strip(double: Resource, systems: Systems) -> Resource:
    """A resource that stands there twice, withdrawn and without our identifier, so that searches are unique again."""
    identifiers = [i for i in double.get("identifier", ()) if i.get("system") != systems.output]
    return {**double, "identifier": identifiers, "status": RETIRED[double["resourceType"]]}


def _as_found(there: Standing, resource: Resource | None, systems: Systems) -> Standing:
    if resource is None:
        return Standing(there.identifier, there.slot, there.kind)
    status = resource.get("status")
    ended = status == RETIRED[there.kind]
    # What we have not ended ourselves, and stands ended, a person has ended. An open withdrawal of ours counts as ours.
    ours = there.retired or (ended and not there.certain)
    return replace(
        there,
        resource_id=resource["id"],
        version=(resource.get("meta") or {}).get("versionId"),
        status=status,
        evaluation=_value(resource, systems.evaluation),
        retired=ended and ours,
        certain=True,
    )


def _value(resource: Resource, system: str) -> str | None:
    identifiers = resource.get("identifier") or ()
    return next((i.get("value") for i in identifiers if i.get("system") == system), None)


def _age(resource: Resource) -> tuple[int, str]:
    """Order of creation where ids are numbers, else any order that is always the same."""
    ident = str(resource.get("id", ""))
    return int(ident) if ident.isdecimal() else 0, ident
