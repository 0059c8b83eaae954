"""A Bulk Data export, sorted by patient through buckets on the disk."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from emhwatch.types import Resource

_BUCKETS = 64
_LINKS = frozenset(("replaced-by", "replaces"))


class Export:
    """The NDJSON files of one export."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.unreadable = 0  #: lines that are no FHIR resource
        self.reports = 0  #: DiagnosticReport resources
        self._folder = folder
        self._work = work
        self._merged: dict[str, str] = {}  #: patient -> the patient that both records belong to

    def sort(self) -> None:
        """Write every resource of a patient to the patient's bucket."""
        for resource in self._resources(count=True):
            if resource.get("resourceType") == "Patient" and resource.get("link"):
                self._link(resource)
        with ExitStack() as stack:
            files = [stack.enter_context((self._work / f"{n}.ndjson").open("wb")) for n in range(_BUCKETS)]
            for resource in self._resources(count=False):
                self.reports += resource.get("resourceType") == "DiagnosticReport"
                reference = owner(resource)
                if reference is not None:
                    root = self.root(reference)
                    line = orjson.dumps({"patient": root, "resource": resource}, option=orjson.OPT_APPEND_NEWLINE)
                    files[_bucket(root)].write(line)

    def buckets(self) -> Iterator[Path]:
        """The buckets, in order."""
        return (self._work / f"{n}.ndjson" for n in range(_BUCKETS))

    def root(self, reference: str) -> str:
        """The patient that a reference belongs to after merges."""
        seen = set()
        while reference in self._merged and reference not in seen:
            seen.add(reference)
            reference = self._merged[reference]
        return reference

    def _resources(self, *, count: bool) -> Iterator[Resource]:
        for path in sorted(self._folder.glob("*.ndjson")):
            with path.open("rb") as lines:
                for line in lines:
                    if not line.strip():
                        continue
                    try:
                        resource = orjson.loads(line)
                    except orjson.JSONDecodeError:
                        resource = None
                    if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
                        yield resource
                    else:
                        self.unreadable += count

    def _link(self, resource: Resource) -> None:
        me = owner(resource)
        links = resource["link"] if isinstance(resource["link"], list) else [resource["link"]]
        for link in links:
            other = _patient(link.get("other")) if isinstance(link, dict) and link.get("type") in _LINKS else None
            if me and other and self.root(me) != self.root(other):
                first, second = (other, me) if link.get("type") == "replaced-by" else (me, other)
                self._merged[self.root(second)] = self.root(first)


def patients_of(export: Export) -> Iterator[tuple[str, list[Resource]]]:
    """Each patient with all resources; one bucket is in memory at a time."""
    for bucket in export.buckets():
        found: dict[str, list[Resource]] = defaultdict(list)
        with bucket.open("rb") as lines:
            for line in lines:
                entry = orjson.loads(line)
                found[entry["patient"]].append(entry["resource"])
        yield from sorted(found.items())


def owner(resource: Resource) -> str | None:
    """`Patient/id` of the patient that a resource is about; None for one that is about nobody."""
    if resource.get("resourceType") == "Patient":
        ident = resource.get("id")
        return f"Patient/{ident}" if isinstance(ident, str) and ident else None
    return _patient(resource.get("subject")) or _patient(resource.get("patient"))


def _patient(node: Any) -> str | None:  # noqa: ANN401 - a JSON value
    reference = node.get("reference") if isinstance(node, dict) else None
    if not isinstance(reference, str):
        return None
    parts = reference.split("/_history/")[0].rsplit("/", 2)
    return f"Patient/{parts[-1]}" if len(parts) > 1 and parts[-2] == "Patient" else None


def _bucket(reference: str) -> int:
    return hashlib.sha256(reference.encode()).digest()[0] % _BUCKETS
