"""Several searches as one batch Bundle, and the first pages that it brings back. Pure."""

from collections.abc import Sequence
from urllib.parse import urlencode

from emhwatch.errors import FHIR_LASTING, FhirError, FhirInvalidResource
from emhwatch.fhir.outcome import error_of
from emhwatch.ports import Query
from emhwatch.types import Resource


def batch_of(queries: Sequence[Query]) -> Resource:
    """The Bundle to send."""
    urls = [f"{query.resource_type}?{urlencode(query.params)}" for query in queries]
    return {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": url}} for url in urls],
    }


def first_pages(answer: Resource, count: int) -> list[Resource | FhirError] | None:
    """The searchset of each query, or why there is none; None when the server did not do the batch at all.

    Raises:
        FhirError: one of the searches failed in a way that passes.
    """
    entries = answer.get("entry")
    if not isinstance(entries, list) or len(entries) != count:
        return None
    found = [_page(entry) for entry in entries]
    if count and all(isinstance(page, FhirError) for page in found):
        return None  # a server that refuses each search of a batch may know them one by one
    return found


def _page(entry: object) -> Resource | FhirError:
    told = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(told, dict):
        return FhirInvalidResource("An entry of a batch has no answer.")
    status, resource = str(told.get("status", ""))[:3], entry.get("resource")
    if status.startswith("2"):
        if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
            return resource
        return FhirInvalidResource("A search of a batch brought no Bundle.")
    error = error_of(int(status) if status.isdecimal() else 400, told.get("outcome") or resource, {}, writes=False)
    if not isinstance(error, FHIR_LASTING):
        raise error
    return error
