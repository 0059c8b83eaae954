"""Our CodeSystems, ValueSets and the like on the FHIR server, so that viewers can resolve what we write.

A canonical stands there once per URL and version. What is the same is left alone; what differs under the same version
is replaced, because the version of the table set changes with its content only in a release.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from emhwatch.ports import FhirReader, FhirWriter
from emhwatch.types import Resource


@dataclass(frozen=True, slots=True)
class Published:
    """What happened to one canonical."""

    url: str
    version: str
    action: str  #: "created", "replaced", "same"


async def publish_terminology(reader: FhirReader, writer: FhirWriter, resources: Iterable[Resource]) -> list[Published]:
    """Put canonical resources on the server, one after the other.

    Raises:
        FhirError: the server refuses one; those before it stand.
    """
    done = []
    for resource in resources:
        url, version = str(resource["url"]), str(resource["version"])
        kind = str(resource["resourceType"])
        found = await reader.search(kind, [("url", url), ("version", version)])
        there = [r for r in found.resources if r.get("resourceType") == kind]
        body = {k: v for k, v in resource.items() if k != "id"}
        if not there:
            await writer.create(body)
            done.append(Published(url, version, "created"))
        elif _same(body, there[0]):
            done.append(Published(url, version, "same"))
        else:
            current = there[0].get("meta", {}).get("versionId")
            await writer.update({**body, "id": there[0]["id"]}, if_match=current)
            done.append(Published(url, version, "replaced"))
    return done


def _same(ours: Resource, theirs: Resource) -> bool:
    """Whether the server's copy says what ours says; servers add elements of their own at the top."""
    return all(theirs.get(name) == value for name, value in ours.items() if name not in ("meta", "text"))
