"""The client's own rules: bounds, what is sent again, where tokens go, what an error says."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from emhwatch.errors import (
    ConfigurationError,
    FhirConflict,
    FhirError,
    FhirForbidden,
    FhirGone,
    FhirInvalidResource,
    FhirNotFound,
    FhirRejected,
    FhirThrottled,
    FhirUnauthorized,
    FhirUnavailable,
    OutcomeUnknown,
)
from emhwatch.fhir.auth import FixedAuthorization, NoAuthorization
from emhwatch.fhir.base import FhirBase
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.connect import connect
from emhwatch.fhir.exchange import Exchange
from emhwatch.fhir.retry import RetryPolicy
from emhwatch.fhir.transport import Limits, Transport
from emhwatch.ports import Query, SearchResult
from emhwatch.settings import FhirSettings
from tests.support.site import WallClock

BASE = "https://fhir.example/r4"
Answer = Callable[[httpx.Request], httpx.Response]
PATIENT = {"resourceType": "Patient", "id": "p1"}
SECRET = "Jane Fictional 1950-01-01"


def client(answer: Answer, *, token: str | None = "secret", base: str = BASE, **limits: Any) -> FhirClient:
    policy = RetryPolicy(attempts=3, first_s=0.001, limit_s=0.05)
    wire = Transport(
        FhirBase.parse(base),
        authorization=FixedAuthorization.bearer(token) if token else NoAuthorization(),
        limits=Limits(retry=policy, **limits),
        transport=httpx.MockTransport(answer),
    )
    return FhirClient(wire)


class Script:
    """Answers in order; the last one stays."""

    def __init__(self, *answers: int | Exception | httpx.Response) -> None:
        self.answers, self.requests = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(answer, json=PATIENT)


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.ReadTimeout("x"), 429, 500, 502, 503]
)
async def test_a_read_is_sent_again(failure: int | Exception) -> None:
    script = Script(failure, 200)
    assert await client(script).read("Patient/p1") == PATIENT
    assert len(script.requests) == 2


@pytest.mark.parametrize("failure", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), 429, 503])
async def test_a_write_is_sent_again_where_it_certainly_did_not_happen(failure: int | Exception) -> None:
    script = Script(failure, 200)
    await client(script).create(PATIENT)
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
        httpx.WriteError("x"),
        500,
        502,
        504,
    ],
)
@pytest.mark.parametrize("method", ["create", "update", "transaction"])
async def test_a_write_without_a_known_outcome_is_never_sent_again(failure: int | Exception, method: str) -> None:
    script = Script(failure, 200)
    with pytest.raises(OutcomeUnknown):
        await getattr(client(script), method)(PATIENT)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FhirRejected),
        (401, FhirUnauthorized),
        (403, FhirForbidden),
        (404, FhirNotFound),
        (409, FhirConflict),
        (410, FhirGone),
        (412, FhirConflict),
        (422, FhirRejected),
        (429, FhirThrottled),
        (500, FhirUnavailable),
        (503, FhirUnavailable),
        (302, FhirRejected),
    ],
)
async def test_h28_each_status_has_its_error_and_no_error_says_what_the_server_said(
    status: int, kind: type[FhirError]
) -> None:
    issue = {
        "severity": "error",
        "code": "processing",
        "diagnostics": f"HAPI-1094: {SECRET}",
        "details": {"text": SECRET},
    }
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    headers = {"Location": "https://evil.example/"}
    with pytest.raises(kind) as raised:
        await client(lambda _: httpx.Response(status, json=body, headers=headers)).read("Patient/p1")
    assert SECRET not in str(raised.value) and "Jane" not in repr(raised.value.__dict__)
    assert status == 302 or "HAPI-1094" in str(raised.value)


async def test_retry_after_is_kept_and_a_long_one_is_left_to_the_caller() -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "120"}))
    with pytest.raises(FhirThrottled) as raised:
        await client(script).read("Patient/p1")
    assert raised.value.retry_after_s == 120 and len(script.requests) == 1


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/r4/Patient?page=2",
        "https://fhir.example.evil.example/r4?page=2",
        "http://fhir.example/r4/Patient?page=2",
        "https://fhir.example:8443/r4/Patient?page=2",
        "https://fhir.example/other/Patient?page=2",
        "https://fhir.example/r4/../admin?page=2",
        "https://user@fhir.example/r4/Patient?page=2",
        "//evil.example/r4",
    ],
)
async def test_a_next_link_that_leads_away_is_not_followed_and_the_result_says_so(link: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        bundle = {
            "resourceType": "Bundle",
            "entry": [{"resource": PATIENT}],
            "link": [{"relation": "next", "url": link}],
        }
        return httpx.Response(200, json=bundle)

    result = await client(answer).search("Patient", [])
    assert not result.complete and (len(asked) == 1 or all(a.startswith(f"{BASE}/") for a in asked))
    assert not any("evil" in httpx.URL(a).host for a in asked)


@pytest.mark.parametrize("link", [f"{BASE}?_getpages=x&_getpagesoffset=1", "Patient?page=2"])
async def test_pages_below_the_base_are_followed_to_the_end(link: str) -> None:
    first = {"resourceType": "Bundle", "entry": [{"resource": PATIENT}], "link": [{"relation": "next", "url": link}]}
    script = Script(
        httpx.Response(200, json=first),
        httpx.Response(200, json={"resourceType": "Bundle", "entry": [{"resource": {**PATIENT, "id": "p2"}}]}),
    )
    result = await client(script).search("Patient", [("name", "x")])
    assert [r["id"] for r in result.resources] == ["p1", "p2"] and result.complete


async def test_pages_that_turn_in_a_circle_end() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": PATIENT}],
        "link": [{"relation": "next", "url": f"{BASE}?p=2"}],
    }
    result = await client(Script(httpx.Response(200, json=bundle))).search("Patient", [])
    assert not result.complete and result.outcomes == ("next-link-refused",)


async def test_a_search_that_was_cut_or_complains_says_so() -> None:
    entries: list[dict[str, Any]] = [{"resource": {**PATIENT, "id": f"p{n}"}} for n in range(5)]
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "not-supported", "diagnostics": SECRET}],
    }
    entries.insert(0, {"resource": outcome})
    entries.append({"fullUrl": "x"})
    script = Script(httpx.Response(200, json={"resourceType": "Bundle", "entry": entries}))
    cut = await client(script).search("Patient", [], max_resources=3)
    assert len(cut.resources) == 3 and not cut.complete
    whole = await client(script).search("Patient", [], max_resources=5)
    assert whole.complete and whole.outcomes == ("not-supported", "entry-without-resource")


async def test_a_long_search_goes_by_post() -> None:
    script = Script(httpx.Response(200, json={"resourceType": "Bundle"}))
    await client(script).search("Observation", [("code", ",".join(["x" * 20] * 100))])
    assert (script.requests[0].method, script.requests[0].url.path) == ("POST", "/r4/Observation/_search")


@pytest.mark.parametrize(
    "reference",
    [
        "../admin",
        "https://evil.example/r4/Patient/1",
        "Patient/1/../../x",
        "Patient",
        "Patient/a b",
        "urn:uuid:1",
        "#1",
        "Patient/1?x=y",
    ],
)
async def test_only_references_to_one_resource_of_this_server_are_read(reference: str) -> None:
    script = Script(200)
    with pytest.raises(FhirRejected):
        await client(script).read(reference)
    assert script.requests == []


@pytest.mark.parametrize("reference", ["Patient/p1", f"{BASE}/Patient/p1", "Patient/p1/_history/3"])
async def test_the_token_goes_to_the_base(reference: str) -> None:
    script = Script(200)
    await client(script).read(reference)
    assert script.requests[0].headers["authorization"] == "Bearer secret"
    assert str(script.requests[0].url).startswith(f"{BASE}/Patient/p1")


async def test_no_token_without_tls_outside_this_machine() -> None:
    script = Script(200)
    with pytest.raises(ConfigurationError, match="TLS"):
        await client(script, base="http://fhir.example/r4").read("Patient/p1")
    assert script.requests == []
    await client(script, base="http://127.0.0.1/r4").read("Patient/p1")
    await client(script, base="http://fhir.example/r4", token=None).read("Patient/p1")
    assert "authorization" not in script.requests[1].headers


async def test_a_cookie_of_the_server_is_not_kept() -> None:
    script = Script(httpx.Response(200, json=PATIENT, headers={"Set-Cookie": "session=1"}))
    it = client(script)
    await it.read("Patient/p1")
    await it.read("Patient/p1")
    assert "cookie" not in script.requests[1].headers


async def test_an_answer_has_a_bound_in_size_and_time() -> None:
    with pytest.raises(FhirRejected, match="larger"):
        await client(lambda _: httpx.Response(200, content=b"x" * 2000), max_bytes=1000).read("Patient/p1")

    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return httpx.Response(200)

    with pytest.raises(FhirUnavailable):
        await client(slow, timeout_s=0.01).read("Patient/p1")  # type: ignore[arg-type]  # MockTransport takes coroutines
    with pytest.raises(OutcomeUnknown):
        await client(slow, timeout_s=0.01).create(PATIENT)  # type: ignore[arg-type]  # as above


async def test_requests_at_once_are_bounded() -> None:
    running, most = 0, 0

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return httpx.Response(200, json=PATIENT)

    it = client(answer, max_connections=3)  # type: ignore[arg-type]  # MockTransport takes coroutines
    await asyncio.gather(*(it.read("Patient/p1") for _ in range(20)))
    assert most == 3


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"resourceType": 1}', b"{}"])
async def test_what_is_not_fhir_is_an_error(body: bytes) -> None:
    with pytest.raises(FhirInvalidResource):
        await client(lambda _: httpx.Response(200, content=body)).read("Patient/p1")
    with pytest.raises(FhirInvalidResource):
        await client(Script(200)).read("Observation/p1")  # a Patient came back


async def test_binary_as_bytes_and_as_resource() -> None:
    raw = client(lambda _: httpx.Response(200, content=b"words", headers={"Content-Type": "text/plain"}))
    assert await raw.binary("Binary/b", max_bytes=10) == (b"words", "text/plain")
    resource = {"resourceType": "Binary", "contentType": "text/html", "data": base64.b64encode(b"words").decode()}
    wrapped = client(lambda _: httpx.Response(200, json=resource, headers={"Content-Type": "application/fhir+json"}))
    assert await wrapped.binary("Binary/b", max_bytes=10) == (b"words", "text/html")
    with pytest.raises(FhirRejected):
        await raw.binary("Binary/b", max_bytes=4)


class Ward:
    """A server with one Condition a page and two in all; how it takes a batch is set."""

    def __init__(self, batch: int = 200, entry: str = "200 OK") -> None:
        self.batch, self.entry, self.asked = batch, entry, list[str]()
        self.open = self.most_open = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(0.001)
        self.open -= 1
        if request.method == "GET":
            return httpx.Response(400 if "Flag" in request.url.path else 200, json=self.page(str(request.url)))
        if self.batch != 200:
            return httpx.Response(self.batch, json=PATIENT)
        urls = [entry["request"]["url"] for entry in json.loads(request.content)["entry"]]
        entries = [
            {"response": {"status": "400"}}
            if url.startswith("Flag") or not self.entry.startswith("2")
            else {"resource": self.page(url), "response": {"status": self.entry}}
            for url in urls
        ]
        return httpx.Response(200, json={"resourceType": "Bundle", "entry": entries})

    @staticmethod
    def page(url: str) -> dict[str, Any]:
        second = "page=2" in url
        entry = {"resource": {"resourceType": "Condition", "id": "c2" if second else "c1"}}
        link = [] if second else [{"relation": "next", "url": f"{BASE}/Condition?page=2"}]
        return {"resourceType": "Bundle", "entry": [entry], "link": link}


@pytest.mark.parametrize(
    ("ward", "requests", "later"),
    [
        (Ward(), 1 + 5, 1 + 5),  # the batch and the second pages
        (Ward(batch=405), 1 + 11, 11),
        (Ward(batch=403), 1 + 11, 11),
        (Ward(batch=501), 4 + 11, 4 + 11),  # it may have been a fault that passed, so it is asked again
        (Ward(entry="400"), 1 + 11, 1 + 11),
    ],
)
async def test_searches_together_find_the_same_on_a_server_with_and_without_batches(
    ward: Ward, requests: int, later: int
) -> None:
    one = client(ward, base=BASE)  # type: ignore[arg-type]
    queries = [Query("Condition", (("patient", "p1"),)) for _ in range(5)]
    for most in (requests, later):
        ward.asked.clear()
        *found, refused = await one.search_together([*queries, Query("Flag", (("patient", "p1"),))])
        for result in found:
            assert isinstance(result, SearchResult)
            assert ([r["id"] for r in result.resources], result.complete) == (["c1", "c2"], True)
        assert isinstance(refused, FhirRejected)
        assert len(ward.asked) <= most
        assert ward.most_open <= 4


@pytest.mark.parametrize(("batch", "entry"), [(503, "200"), (200, "503")])
async def test_h21_searches_together_raise_what_may_pass(batch: int, entry: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        entries = [{"response": {"status": status}} for status in ("403", entry)]
        return httpx.Response(batch, json={"resourceType": "Bundle", "entry": entries})

    with pytest.raises(FhirUnavailable):
        await client(answer).search_together([Query("Condition", ()), Query("Procedure", ())])


async def test_a_batch_is_observed_with_each_patient_that_was_asked_for() -> None:
    seen: list[Exchange] = []
    connection = connect(
        FhirSettings(base_url=BASE), clock=WallClock(), observers=[seen.append], transport=httpx.MockTransport(Ward())
    )
    await connection.client.search_together([Query("Condition", (("patient", "p1,p2"), ("page", "page=2")))])
    assert (seen[0].interaction, seen[0].patients) == ("batch", ("Patient/p1", "Patient/p2"))
    await connection.close()


async def test_deleting_what_is_gone_is_no_error() -> None:
    for status in (200, 204, 404, 410):
        await client(Script(status)).delete("Patient/p1")
    with pytest.raises(FhirConflict):
        await client(Script(409)).delete("Patient/p1")


async def test_observers_see_the_exchange_and_never_the_content() -> None:
    seen: list[Exchange] = []
    settings = FhirSettings(base_url=BASE)
    connection = connect(
        settings, clock=WallClock(), observers=[seen.append], transport=httpx.MockTransport(Script(200))
    )
    await connection.client.read("Patient/p1")
    assert (seen[0].interaction, seen[0].references, seen[0].patients) == ("read", ("Patient/p1",), ("Patient/p1",))
    await connection.close()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"base_url": ""}, "BASE_URL"),
        ({"base_url": "ftp://x/"}, "BASE_URL"),
        ({"base_url": "https://user:word@x/fhir"}, "BASE_URL"),
        ({"auth": "oauth"}, "AUTH"),
        ({"auth": "bearer"}, "TOKEN"),
        ({"auth": "basic"}, "USER"),
        ({"auth": "smart"}, "CLIENT_ID"),
        ({"auth": "mtls"}, "CERT_FILE"),
        ({"ca_file": "/nowhere"}, "CA_FILE"),
    ],
)
def test_settings_that_do_not_fit_are_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        connect(FhirSettings(**({"base_url": BASE} | given)), clock=WallClock())
