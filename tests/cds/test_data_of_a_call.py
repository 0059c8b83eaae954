"""Prefetch in its three states, the client's FHIR server, and the time that an answer may take."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from emhwatch.publish.schema import published_set
from tests.cds.hook_support import FHIR, Decision, Site, biopsy, bundle, chart, covers, hook, site, use

ACCESS = {
    "fhirServer": FHIR,
    "fhirAuthorization": {
        "access_token": "secret-token-4711",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read anything.else",
        "subject": "cds",
        "patient": "p1",
    },
}
TYPES = {
    "DiagnosticReport": "reports",
    "Observation": "laboratory",
    "Condition": "conditions",
    "Procedure": "procedures",
    "MedicationRequest": "medications",
    "ServiceRequest": "orders",
}


class Server(httpx.MockTransport):
    """A FHIR server with one patient."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.asked: list[httpx.Request] = []
        self.data: dict[str, Any] = chart()
        self.read: dict[str, Any] = {}
        self.special: Callable[[httpx.Request], Any] = lambda _: None

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        special = self.special(request)
        if isinstance(special, httpx.Response):
            return special
        if special is not None:
            await special
        path = request.url.path.removeprefix("/r4/")
        if path in self.read:
            return httpx.Response(200, json=self.read[path])
        if path == "Patient/p1":
            return httpx.Response(200, json=self.data["patient"])
        if path.startswith("Binary/"):
            return httpx.Response(200, content=b"paraspinal mass", headers={"Content-Type": "text/plain"})
        key = TYPES.get(path.partition("/")[0])
        return httpx.Response(200, json=self.data[key]) if key and "/" not in path else httpx.Response(404, json={})

    def paths(self) -> list[str]:
        return [r.url.path.removeprefix("/r4/") for r in self.asked]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def decision(monkeypatch: pytest.MonkeyPatch) -> Decision:
    return use(Decision(), monkeypatch)


@pytest.fixture
async def service(tmp_path: Path, decision: Decision, server: Server) -> AsyncIterator[Site]:
    async with site(tmp_path, fhir=server) as made:
        yield made


async def call(service: Site, **changed: Any) -> httpx.Response:
    body = hook(changed.pop("name", "order-sign"), **changed)
    return await service.client.post(f"/cds-services/emh-{body['hook']}", json=body)


def without(*keys: str) -> dict[str, Any]:
    return {k: v for k, v in chart().items() if k not in keys}


def types(decision: Decision) -> set[str]:
    return {r["resourceType"] for r in decision.asked[-1]["resources"]}


@covers(27, 36)
async def test_full_prefetch_asks_nobody(service: Site, server: Server, decision: Decision) -> None:
    assert (await call(service, **ACCESS)).status_code == 200
    assert server.asked == []
    assert decision.asked[-1]["incomplete"] == ()
    assert decision.asked[-1]["patient"] == "Patient/p1"
    assert [o["id"] for o in decision.asked[-1]["draft_orders"]] == ["o1"]


@covers(22, 23, 27, 31)
async def test_absent_keys_are_fetched_with_the_token(service: Site, server: Server, decision: Decision) -> None:
    assert (await call(service, prefetch={}, **ACCESS)).status_code == 200
    assert sorted(server.paths()) == sorted([*TYPES, "Patient/p1"])
    assert {r.headers["authorization"] for r in server.asked} == {"Bearer secret-token-4711"}
    assert types(decision) == {"Patient", "DiagnosticReport", "Condition", "Observation"}
    assert decision.asked[-1]["incomplete"] == ()
    asked = next(r for r in server.asked if r.url.path.endswith("Condition"))
    assert asked.url.params["patient"] == "p1"


@covers(23, 25)
async def test_null_and_empty_bundle_are_answers(service: Site, server: Server, decision: Decision) -> None:
    prefetch = {**chart(), "procedures": None, "medications": bundle(), "orders": None}
    assert (await call(service, prefetch=prefetch, **ACCESS)).status_code == 200
    assert server.asked == []
    assert decision.asked[-1]["incomplete"] == ()


@covers(24)
async def test_operation_outcome_is_unknown_and_not_asked_again(
    service: Site, server: Server, decision: Decision
) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    prefetch = {**chart(), "medications": outcome, "laboratory": bundle(outcome)}
    assert (await call(service, prefetch=prefetch, **ACCESS)).status_code == 200
    assert server.asked == []
    assert set(decision.asked[-1]["incomplete"]) == {"fetch-drugs", "fetch-hemoglobin"}
    both = {**chart(), "laboratory": bundle(outcome, chart()["laboratory"]["entry"][0]["resource"])}
    await call(service, prefetch=both, **ACCESS)
    assert decision.asked[-1]["incomplete"] == ("fetch-hemoglobin",)
    assert "Observation" in types(decision)


@covers(28, 38)
@pytest.mark.parametrize("prefetch", [None, {}, without("patient"), without("reports")])
async def test_412_names_what_is_missing(prefetch: Any, service: Site, decision: Decision) -> None:
    answer = await call(service, prefetch=prefetch)
    assert answer.status_code == 412
    issue = answer.json()["issue"][0]
    assert issue["code"] == "required"
    missing = {"patient", "reports"} - set(prefetch or {})
    assert all(key in issue["diagnostics"] for key in missing)
    assert decision.asked == []


@covers(28)
async def test_h21_incomplete_data_never_looks_like_no_emh(
    service: Site, monkeypatch: pytest.MonkeyPatch, decision: Decision
) -> None:
    """With a part of the data missing a card says so; without a card the answer is 412, not an empty list."""
    assert len((await call(service, prefetch=without("conditions"))).json()["cards"]) == 1
    assert decision.asked[-1]["incomplete"] == ("fetch-conditions",)
    from tests.cds import card_samples

    use(Decision(lambda *_, **__: card_samples.decided(None, "R9", draft_order="ServiceRequest/o1")), monkeypatch)
    assert (await call(service)).json() == {"cards": []}
    answer = await call(service, prefetch=without("conditions"))
    assert answer.status_code == 412
    assert "conditions" in answer.json()["issue"][0]["diagnostics"]


@covers(34)
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/r4",
        "http://fhir.hospital.example/r4",
        "https://fhir.hospital.example",
        "https://fhir.hospital.example/r4/../admin",
        "https://fhir.hospital.example:8443/r4",
        "https://fhir.hospital.example.evil.example/r4",
        "https://u:p@fhir.hospital.example/r4",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8090/fhir",
        "file:///etc/passwd",
        "https://fhir.hospital.example/r4?x=1",
        "",
        "/",
    ],
)
async def test_other_servers_are_never_asked(target: str, service: Site, server: Server) -> None:
    answer = await call(service, prefetch={}, **{**ACCESS, "fhirServer": target})
    assert answer.status_code == 412
    assert server.asked == []


@covers(34)
async def test_redirect_is_not_followed(service: Site, server: Server) -> None:
    server.special = lambda _: httpx.Response(302, headers={"Location": "https://evil.example/"})
    assert (await call(service, prefetch={}, **ACCESS)).status_code == 412
    assert {r.url.host for r in server.asked} == {"fhir.hospital.example"}


@covers(26, 34)
async def test_next_link_of_a_request_is_not_followed_but_the_search_is_completed(
    service: Site, server: Server, decision: Decision
) -> None:
    first = {**chart()["reports"], "link": [{"relation": "next", "url": "https://evil.example/r4?page=2"}]}
    second = {**chart()["reports"]["entry"][0]["resource"], "id": "r2"}
    server.data["reports"] = bundle(chart()["reports"]["entry"][0]["resource"], second)
    await call(service, prefetch={**chart(), "reports": first}, **ACCESS)
    assert server.paths() == ["DiagnosticReport"]
    reports = [r["id"] for r in decision.asked[-1]["resources"] if r["resourceType"] == "DiagnosticReport"]
    assert reports == ["r-p1", "r2"]
    assert decision.asked[-1]["incomplete"] == ()
    await call(service, prefetch={**chart(), "reports": first})
    assert decision.asked[-1]["incomplete"] == ("cut-off",)


@covers(35)
async def test_token_of_another_patient_is_refused(service: Site) -> None:
    authorization = {**ACCESS["fhirAuthorization"], "patient": "p2"}
    answer = await call(service, fhirServer=FHIR, fhirAuthorization=authorization)
    assert answer.status_code == 400


async def test_server_without_a_token_only_where_configured(tmp_path: Path, decision: Decision, server: Server) -> None:
    clients = tmp_path / "clients.toml"
    clients.write_text("")
    async with site(tmp_path, fhir=server, fhir_servers=()) as closed:
        assert (await call(closed, prefetch={}, fhirServer=FHIR)).status_code == 412
    async with site(tmp_path, fhir=server) as open_:
        assert (await call(open_, prefetch={}, fhirServer=FHIR)).status_code == 200
    assert all("authorization" not in r.headers for r in server.asked)


@covers(40)
async def test_h21_hanging_server_does_not_hang_the_answer(tmp_path: Path, decision: Decision, server: Server) -> None:
    server.special = lambda _: asyncio.sleep(30)
    async with site(tmp_path, fhir=server, budget_ms=200) as service:
        started = time.monotonic()
        answer = await call(service, prefetch=without("conditions", "orders"), **ACCESS)
        assert answer.status_code == 200
        assert set(decision.asked[-1]["incomplete"]) == {"fetch-conditions", "fetch-orders"}
        assert (await call(service, prefetch={}, **ACCESS)).status_code == 412
        assert time.monotonic() - started < 5  # nothing waited for the server


async def test_what_came_in_time_counts(tmp_path: Path, decision: Decision, server: Server) -> None:
    server.special = lambda r: asyncio.sleep(30) if r.url.path.endswith("Procedure") else None
    async with site(tmp_path, fhir=server, budget_ms=300) as service:
        await call(service, prefetch=without("procedures", "conditions"), **ACCESS)
    assert decision.asked[-1]["incomplete"] == ("fetch-procedures",)
    assert "Condition" in types(decision)


@pytest.mark.parametrize("code", [401, 403, 404, 410, 429, 500, 503])
async def test_failing_server_is_missing_data(code: int, service: Site, server: Server, decision: Decision) -> None:
    server.special = lambda _: httpx.Response(code, json={"resourceType": "OperationOutcome"})
    assert (await call(service, prefetch=without("laboratory"), **ACCESS)).status_code == 200
    assert decision.asked[-1]["incomplete"] == ("fetch-hemoglobin",)
    assert len(server.asked) == 1


async def test_report_text_behind_a_binary_is_fetched(service: Site, server: Server, decision: Decision) -> None:
    report = chart()["reports"]["entry"][0]["resource"]
    report["presentedForm"] = [{"contentType": "text/plain", "url": "Binary/b1"}]
    await call(service, prefetch={**chart(), "reports": bundle(report)}, **ACCESS)
    (binary,) = [r for r in decision.asked[-1]["resources"] if r["resourceType"] == "Binary"]
    assert binary == {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/plain",
        "data": "cGFyYXNwaW5hbCBtYXNz",
    }
    await call(service, prefetch={**chart(), "reports": bundle(report)})
    assert decision.asked[-1]["incomplete"] == ("fetch-binary",)


async def test_dispatched_order_is_fetched(service: Site, server: Server, decision: Decision) -> None:
    server.read["ServiceRequest/o1"] = biopsy(status="active")
    assert len((await call(service, name="order-dispatch", **ACCESS)).json()["cards"]) == 1
    assert [o["id"] for o in decision.asked[-1]["draft_orders"]] == ["o1"]


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


@covers(33)
async def test_h28_token_is_kept_nowhere(
    service: Site, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.special = lambda _: httpx.Response(500)
    answer = await call(service, prefetch=without("laboratory"), **ACCESS)
    assert answer.status_code == 200
    assert "4711" not in answer.text
    assert "4711" not in repr(service.seen)
    assert "4711" not in caplog.text
    assert all(b"4711" not in content for content in contents(tmp_path))


@pytest.fixture
async def seen_twice(service: Site) -> Site:
    """The event loop has evaluated version 2 of the report."""
    row = {"focus": "DiagnosticReport/r-p1", "patient": "Patient/p1", "version": "2", "version_number": 2}
    rest = {"rules": "r", "inputs": "i", "evaluation": "e", "state": "confirmed"}
    decided = {"tier": "strong", "row": "R6", "indicator": "warning", "card": "W-1"}
    await service.database.write(
        lambda connection: connection.execute(insert(published_set).values(server="main", **row, **rest, **decided))
    )
    return service


def reports(*, version: str) -> dict[str, Any]:
    report = {**chart()["reports"]["entry"][0]["resource"], "meta": {"versionId": version}}
    return bundle(report)


async def test_h17_report_older_than_the_one_that_was_evaluated_is_read_again(
    seen_twice: Site, server: Server, decision: Decision
) -> None:
    amended = reports(version="2")["entry"][0]["resource"]
    server.read["DiagnosticReport/r-p1"] = amended
    assert (await call(seen_twice, **ACCESS)).status_code == 200
    assert server.paths() == ["DiagnosticReport/r-p1"]
    used = [r["meta"]["versionId"] for r in decision.asked[-1]["resources"] if r["resourceType"] == "DiagnosticReport"]
    assert used == ["2"]


async def test_h17_old_report_is_not_used_when_the_new_one_cannot_be_had(
    seen_twice: Site, server: Server, decision: Decision
) -> None:
    server.special = lambda _: httpx.Response(500)
    for access in (ACCESS, {}):
        answer = await call(seen_twice, **access)
        assert answer.status_code == 412
        assert "reports" in answer.json()["issue"][0]["diagnostics"]
    assert decision.asked == []


@pytest.mark.parametrize("version", ["2", "3", "abc"])
async def test_newer_data_is_trusted_over_what_is_stored(
    version: str, seen_twice: Site, server: Server, decision: Decision
) -> None:
    assert (await call(seen_twice, prefetch={**chart(), "reports": reports(version=version)})).status_code == 200
    assert server.asked == []
    assert len(decision.asked) == 1
