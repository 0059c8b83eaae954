"""Value sets of a terminology server into the overlay: every page, only new codes, known systems only."""

import httpx
import pytest

from emhwatch.commands.tables.pull import pulled
from emhwatch.errors import FhirUnavailable, InputError
from emhwatch.tables.load import load_tables

CM = "http://hl7.org/fhir/sid/icd-10-cm"
CODES = load_tables().codes
WANTED = [{"url": "https://x.example/ValueSet/a", "concept": "scd"}]


def client(codes: list[tuple[str, str]], status: int = 200, page: int = 2) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        contains = [{"system": s, "code": c, "display": c.lower()} for s, c in codes[start : start + page]]
        return httpx.Response(status, json={"expansion": {"total": len(codes), "contains": contains}})

    return httpx.Client(base_url="https://t.example/fhir", transport=httpx.MockTransport(answer))


def test_every_page_and_only_what_is_new() -> None:
    rows = pulled(client([(CM, "D57.1"), (CM, "H05.1"), (CM, "H051"), (CM, "H05.2"), (CM, "H05.3")]), WANTED, CODES)
    assert [(row["system"], row["code"], row["concept"]) for row in rows] == [
        ("icd10cm", "H05.1", "scd"), ("icd10cm", "H05.2", "scd"), ("icd10cm", "H05.3", "scd")
    ]  # fmt: skip


def test_an_unknown_system_and_a_failing_server_are_named() -> None:
    with pytest.raises(InputError, match=r"systems\.toml"):
        pulled(client([("urn:oid:9.9", "X")]), WANTED, CODES)
    with pytest.raises(FhirUnavailable, match="expand"):
        pulled(client([], status=404), WANTED, CODES)
