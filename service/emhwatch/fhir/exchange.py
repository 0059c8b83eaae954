"""What happened on the wire, for audit and metrics: who, which resource, how it ended. No content, no URL."""

from collections.abc import Callable
from dataclasses import dataclass

from emhwatch.types import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request to the FHIR server."""

    interaction: str  #: FHIR restful-interaction code: read, vread, search-type, create, update, transaction, ...
    resource_type: str | None
    references: tuple[str, ...]  #: "Type/id" read or written, as far as known
    patients: tuple[str, ...]  #: "Patient/id" whose data it was, as far as known
    status: int | None  #: None: no answer
    seconds: float
    attempts: int


Observer = Callable[[Exchange], None]


def patients_of(resource: Resource) -> tuple[str, ...]:
    """The patients that a resource, or the entries of a Bundle, are about."""
    found: dict[str, None] = {}
    entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    parts = [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else [resource]
    for part in parts:
        if not isinstance(part, dict):
            continue
        if part.get("resourceType") == "Patient" and isinstance(part.get("id"), str):
            found[f"Patient/{part['id']}"] = None
        for name in ("subject", "patient", "for"):
            reference = part.get(name)
            text = reference.get("reference") if isinstance(reference, dict) else None
            if isinstance(text, str) and "Patient/" in text:
                found["Patient/" + text.rpartition("Patient/")[2].partition("/")[0]] = None
    return tuple(found)
