"""Takes a patient with everything about it off a FHIR server."""

from emhwatch.errors import FhirConflict, FhirRejected
from emhwatch.fhir.client import FhirClient

#: Referring types first: a server with referential integrity lets the others go only then.
_KINDS = (
    *("AuditEvent", "Communication", "Task", "Flag", "Observation", "DiagnosticReport", "ImagingStudy", "Condition"),
    *("Procedure", "ServiceRequest"),
)
_ROUNDS = 4  #: Observations refer to each other: each round takes the layer that nothing refers to any more


async def remove_patient(client: FhirClient, patient: str) -> bool:
    """Remove `Patient/id` and what refers to it; False when the server keeps a part.

    Raises:
        FhirError: the server cannot be asked.
    """
    results = await client.search("Observation", [("patient", patient)], max_resources=100_000)
    targets = [f"Observation/{resource['id']}" for resource in results.resources]
    for start in range(0, len(targets), 20):
        await _remove(client, "Provenance", ("target", ",".join(targets[start : start + 20])))
    for _ in range(_ROUNDS):
        kept = [kind for kind in _KINDS if not await _remove(client, kind, ("patient", patient))]
        if not kept:
            break
    return not kept and await _delete(client, patient)


async def _remove(client: FhirClient, kind: str, query: tuple[str, str]) -> bool:
    try:
        found = await client.search(kind, [query], max_resources=100_000)
    except FhirRejected:
        return True  # the server does not know the type or the parameter, so it holds nothing of ours there
    gone = [await _delete(client, f"{kind}/{r['id']}") for r in found.resources if r.get("resourceType") == kind]
    return all(gone)


async def _delete(client: FhirClient, reference: str) -> bool:
    try:
        await client.delete(reference)
    except (FhirConflict, FhirRejected):
        return False  # something still refers to it
    return True
