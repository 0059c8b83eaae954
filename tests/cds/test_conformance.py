"""CDS Hooks 2.0 by requirement: the service as a black box over HTTP. `pytest -s -k coverage` prints the table."""

import csv
import re
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.cds import hook_support
from tests.cds.hook_support import FHIR, Decision, Site, bundle, chart, covers, hook, site, use

REQUIREMENTS = Path(__file__).with_name("requirements.csv")
HOOKS = ("patient-view", "order-select", "order-sign", "order-dispatch", "appointment-book", "encounter-start")


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    use(Decision(), monkeypatch)
    async with site(tmp_path) as made:
        yield made


async def call(service: Site, body: Any, ident: str | None = None, **more: Any) -> httpx.Response:
    name = ident or f"emh-{body['hook']}"
    return await service.client.post(f"/cds-services/{name}", json=body, **more)


async def cards(service: Site, name: str = "order-sign", **changed: Any) -> list[dict]:
    answer = await call(service, hook(name, **changed))
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


def empties(value: Any, path: str = "") -> list[str]:
    """Paths of null and empty elements."""
    if isinstance(value, dict):
        found = [p for k, v in value.items() for p in empties(v, f"{path}.{k}")]
    elif isinstance(value, list):
        found = [p for i, v in enumerate(value) for p in empties(v, f"{path}[{i}]")]
    else:
        found = []
    return found + ([path] if value in (None, "", [], {}) else [])


# ---- discovery ------------------------------------------------------------


@covers(6, 7, 8, 9, 10)
async def test_discovery(service: Site) -> None:
    answer = await service.client.get("/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    listed = answer.json()["services"]
    assert [s["hook"] for s in listed] == list(HOOKS)
    assert len({s["id"] for s in listed}) == len(HOOKS)
    for each in listed:
        assert re.fullmatch(r"[a-z0-9-]+", each["id"])
        assert all(isinstance(each[k], str) and each[k] for k in ("hook", "title", "description", "usageRequirements"))
        assert re.fullmatch(r"\d+\.\d+\.\d+", each["version"])
        assert re.fullmatch(r"\d+\.\d+", each["hookVersion"])
        assert set(each["prefetch"]) == set(chart())


@covers(19, 20)
async def test_prefetch_templates_are_2_0(service: Site) -> None:
    for each in (await service.client.get("/cds-services")).json()["services"]:
        for query in each["prefetch"].values():
            assert set(re.findall(r"\{\{(.*?)\}\}", query)) <= {"context.patientId"}
            assert not re.search(r"[:.](?!patientId)|_has|_include|\$", query.partition("?")[2].replace("context.", ""))
            names = [p.partition("=")[0] for p in query.partition("?")[2].split("&") if p]
            assert set(names) <= {"patient", "code", "_count", "_sort"}
            assert len(query) < 1500


@covers(11)
async def test_one_id_for_all_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Decision(), monkeypatch)
    async with site(tmp_path, id_per_hook=False) as made:
        listed = (await made.client.get("/cds-services")).json()["services"]
        assert {s["id"] for s in listed} == {"emh"}
        assert len(listed) == len(HOOKS)
        for name in ("patient-view", "order-sign"):
            assert (await call(made, hook(name), "emh")).status_code == 200


# ---- requests ------------------------------------------------------------


@covers(14)
async def test_unknown_service_is_404(service: Site) -> None:
    answer = await call(service, hook(), "nothing-here")
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert (await service.client.get("/cds-services/emh-order-sign")).status_code == 405


@covers(5, 73)
async def test_unknown_fields_and_extensions_are_tolerated(service: Site) -> None:
    extra = {"extension": {"com.vendor.x": {"a": 1}}, "someday": [1], "context": {"new": True}}
    assert len(await cards(service, **extra)) == 1
    refused = await call(service, hook(extension=[1]))
    assert refused.status_code == 400


@covers(16)
async def test_wrong_hook_is_refused(service: Site) -> None:
    for body in (hook("patient-view"), hook() | {"hook": "medication-refill"}, hook() | {"hook": None}):
        answer = await call(service, body, "emh-order-sign")
        assert answer.status_code == 400
        assert "hook" in answer.json()["issue"][0]["diagnostics"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no context": ({"context": None}, "context"),
    "no hookInstance": ({"hookInstance": None}, "hookInstance"),
    "hookInstance no UUID": ({"hookInstance": "one"}, "hookInstance"),
    "prefetch a list": ({"prefetch": [1]}, "prefetch"),
    "authorization a string": ({"fhirServer": FHIR, "fhirAuthorization": "x"}, "fhirAuthorization"),
    "authorization without server": ({"fhirAuthorization": {"access_token": "t"}}, "fhirServer"),
    "authorization without token": (
        {"fhirServer": FHIR, "fhirAuthorization": {"token_type": "Bearer"}},
        "access_token",
    ),
    "server a number": ({"fhirServer": 1}, "fhirServer"),
}


@covers(15, 17, 32, 38)
@pytest.mark.parametrize("name", WRONG)
async def test_wrong_fields_are_refused(name: str, service: Site) -> None:
    changed, place = WRONG[name]
    answer = await call(service, {**hook(), **changed})
    assert answer.status_code == 400
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["severity"] == "error"
    assert place in outcome["issue"][0]["diagnostics"]


@covers(15)
@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("order-sign", "draftOrders"),
        ("order-select", "selections"),
        ("order-select", "draftOrders"),
        ("order-sign", "userId"),
        ("order-sign", "patientId"),
        ("order-dispatch", "dispatchedOrders"),
        ("encounter-start", "encounterId"),
        ("appointment-book", "appointments"),
    ],
)
async def test_missing_context_is_refused_and_named(name: str, missing: str, service: Site) -> None:
    body = hook(name)
    body["context"].pop(missing, None)
    answer = await call(service, body)
    assert answer.status_code == 400
    assert f"context.{missing}" in answer.json()["issue"][0]["diagnostics"]


@covers(17)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"hook": NaN}', b"\xff\xfe", b'{"a":1} tail'])
async def test_malformed_body_is_refused(body: bytes, service: Site) -> None:
    answer = await service.client.post("/cds-services/emh-order-sign", content=body)
    assert answer.status_code == 400
    assert "cards" not in answer.json()


@covers(18)
async def test_same_hook_instance_again(service: Site) -> None:
    body = hook()
    first, second = await call(service, body), await call(service, body)
    assert first.status_code == second.status_code == 200


async def test_deep_nesting_is_a_bad_request_not_a_failure(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(*_: Any, **__: Any) -> Any:
        raise RecursionError

    deep: Any = []
    for _ in range(900):
        deep = [deep]
    answer = await call(service, hook(context={"draftOrders": {"entry": [{"resource": hook_support.biopsy(x=deep)}]}}))
    assert answer.status_code == 400
    use(Decision(too_deep), monkeypatch)
    assert (await call(service, {**hook(), "extension": {"x": deep}})).status_code == 400
    assert (await call(service, hook())).status_code == 500


async def test_character_that_no_store_takes(service: Site) -> None:
    odd = hook_support.biopsy("o\x001")
    context = {"userId": "Practitioner/\x00", "draftOrders": {"entry": [{"resource": odd}]}}
    assert len(await cards(service, context=context)) == 1
    await service.services.service.history.flush()


async def test_patient_id_with_type_is_understood(service: Site) -> None:
    assert len(await cards(service, context={"patientId": "Patient/p1"})) == 1


async def test_error_never_repeats_what_was_sent(service: Site) -> None:
    secret = "SMITHSONIAN-4711"
    bodies = [
        {**hook(), "hook": secret},
        {**hook(), "hookInstance": secret},
        {**hook(), "fhirServer": secret, "fhirAuthorization": {"access_token": "ü"}},
        hook(context={"patientId": secret + "/" + secret}),
        hook(prefetch={secret: {"resourceType": "Condition", "subject": {"reference": f"Patient/{secret}"}}}),
        {secret: secret},
    ]
    for body in bodies:
        answer = await call(service, body, "emh-order-sign")
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text


# ---- orders ------------------------------------------------------------


async def test_order_select_speaks_about_the_selection_only(service: Site) -> None:
    other = hook_support.biopsy("o2", code={"text": "Chest radiograph"})
    drafts = {"resourceType": "Bundle", "entry": [{"resource": hook_support.biopsy()}, {"resource": other}]}
    context = {"draftOrders": drafts}
    assert await cards(service, "order-select", context={**context, "selections": ["ServiceRequest/o2"]}) == []
    assert len(await cards(service, "order-select", context={**context, "selections": ["ServiceRequest/o1"]})) == 1


@pytest.mark.parametrize(
    "drafts",
    [
        {"entry": [{"resource": hook_support.biopsy()}]},
        {"resourceType": "Bundle", "entry": [{"resource": hook_support.biopsy(resourceType="ProcedureRequest")}]},
        [hook_support.biopsy()],
        {"entry": [{}, {"resource": None}, {"resource": {"id": "x"}}, {"resource": hook_support.biopsy()}]},
    ],
)
async def test_draft_orders_are_read_leniently(drafts: Any, service: Site) -> None:
    assert len(await cards(service, context={"draftOrders": drafts})) == 1


async def test_sandbox_order_before_a_choice_is_silent(service: Site) -> None:
    """The public sandbox fires before anything is chosen, and sends drugs without intent and medication."""
    empty = {"resourceType": "ServiceRequest", "id": "example-request-id", "intent": "plan", "code": {"coding": [{}]}}
    drug = {"resourceType": "MedicationRequest", "id": "m1"}
    for order in (empty, drug):
        context = {
            "draftOrders": {"entry": [{"resource": order}]},
            "selections": [f"{order['resourceType']}/{order['id']}"],
        }
        assert await cards(service, "order-select", context=context) == []


async def test_other_orders_need_no_data(service: Site) -> None:
    film = {"resourceType": "ServiceRequest", "id": "o2", "code": {"text": "Chest film, two views"}}
    for order in ({"resourceType": "MedicationRequest", "id": "m1"}, film):
        answer = await call(service, {**hook(context={"draftOrders": bundle(order)}), "prefetch": {}})
        assert answer.json() == {"cards": []}


async def test_h21_dispatched_order_that_cannot_be_had_is_412(service: Site) -> None:
    context = {"dispatchedOrders": ["ServiceRequest/gone"]}
    answer = await call(service, hook("order-dispatch", context=context))
    assert answer.status_code == 412 and "dispatchedOrders" in answer.text


async def test_dispatched_order_is_taken_from_prefetch(service: Site) -> None:
    prefetch = {**chart(), "orders": bundle(hook_support.biopsy(status="active"))}
    (card,) = await cards(service, "order-dispatch", prefetch=prefetch)
    assert {a["type"] for s in card["suggestions"] for a in s["actions"]} == {"create"}


async def test_appointment_counts_as_the_order(service: Site) -> None:
    slot = {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "proposed",
        "serviceType": [{"text": "biopsy, paravertebral mass"}],
        "participant": [{"actor": {"reference": "Patient/p1"}}],
    }
    (card,) = await cards(service, "appointment-book", context={"appointments": bundle(slot)})
    assert {a["type"] for s in card["suggestions"] for a in s["actions"]} == {"create"}


# ---- cards ------------------------------------------------------------


@covers(2, 36, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 53)
@pytest.mark.parametrize("name", HOOKS)
async def test_card(name: str, service: Site) -> None:
    context = {"appointments": bundle({"resourceType": "Appointment", "id": "a", "description": "biopsy of mass"})}
    extra = {"orders": bundle(hook_support.biopsy(status="active"))}
    answer = await call(service, hook(name, context=context, prefetch=chart() | extra))
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"cards"}
    (card,) = body["cards"]
    assert [p for p in empties(body) if p != ".cards"] == []
    assert len(card["summary"]) < 140
    assert "\n" not in card["summary"]
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    assert card["source"]["url"].startswith("https://")
    assert set(card["source"]["topic"]) == {"system", "code", "display"}
    assert card["selectionBehavior"] in ("any", "at-most-one")
    for suggestion in card["suggestions"]:
        assert suggestion["label"]
        assert suggestion["uuid"]
        assert suggestion["isRecommended"] is False
        for action in suggestion["actions"]:
            assert action["description"]
            if action["type"] == "delete":
                assert re.fullmatch(r"ServiceRequest/\S+", action["resourceId"])
                assert "resource" not in action
            else:
                assert action["resource"]["resourceType"] == "ServiceRequest"
                assert "resourceId" not in action
    for reason in card["overrideReasons"]:
        assert set(reason) == {"code", "system", "display"}
    for link in card["links"]:
        assert set(link) == {"label", "url", "type"}
        assert link["type"] == "absolute"
    ids = [card["uuid"], *(s["uuid"] for s in card["suggestions"])]
    assert len(set(ids)) == len(ids)


@covers(37)
async def test_no_advice_is_an_empty_list(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hook_support.card_samples.decided(None, "R3")
    use(Decision(lambda *_, **__: made), monkeypatch)
    answer = await call(service, hook("patient-view"))
    assert answer.json() == {"cards": []}


async def test_h21_internal_error_is_500_and_never_no_cards(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any, **given: Any) -> Any:
        raise RuntimeError("Smith, 4711")

    use(Decision(fail), monkeypatch)
    answer = await call(service, hook("patient-view"))
    assert answer.status_code == 500
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "Smith" not in answer.text
    assert len(service.errors) == 1


async def test_h21_failed_evaluation_is_500(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hook_support.card_samples.decided(None, "R0", error="failed")
    use(Decision(lambda *_, **__: made), monkeypatch)
    answer = await call(service, hook("patient-view"))
    assert answer.status_code == 500
    assert "cards" not in answer.json()


async def test_h01_mismatch_is_refused_and_nothing_shown(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hook_support.card_samples.decided(None, "R0", blocked="identity")
    use(Decision(lambda *_, **__: made), monkeypatch)
    assert (await call(service, hook("patient-view"))).status_code == 400


@pytest.mark.parametrize("key", ["patient", "conditions", "reports"])
async def test_h01_prefetch_of_another_patient_is_refused(key: str, service: Site) -> None:
    answer = await call(service, hook(prefetch={**chart(), key: chart("p2")[key]}))
    assert answer.status_code == 400
    assert "another patient" in answer.json()["issue"][0]["diagnostics"]


async def test_h01_linked_records_are_one_patient(service: Site) -> None:
    patient = {**chart()["patient"], "link": [{"other": {"reference": "Patient/p2"}, "type": "replaces"}]}
    prefetch = {**chart(), "patient": patient, "conditions": chart("p2")["conditions"]}
    assert len(await cards(service, prefetch=prefetch)) == 1


# ---- load, CORS ------------------------------------------------------------


async def test_load_above_capacity_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Decision(), monkeypatch)
    async with site(tmp_path, max_concurrent=0) as made:
        answer = await call(made, hook())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["issue"][0]["code"] == "throttled"


async def test_body_above_the_limit_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, max_body_kib=1) as made:
        answer = await call(made, hook(extension={"x": "y" * 5000}))
    assert answer.status_code == 413


@covers(71)
async def test_cors_for_configured_origins_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Decision(), monkeypatch)
    mine = "https://ehr.hospital.example"
    async with site(tmp_path, origins=(mine,)) as made:
        for origin, allowed in (
            (mine, True),
            ("https://evil.example", False),
            ("null", False),
            (mine + ".evil", False),
        ):
            for answer in (
                await call(made, hook(), headers={"Origin": origin}),
                await made.client.get("/cds-services", headers={"Origin": origin}),
                await made.client.options("/cds-services/emh-order-sign", headers={"Origin": origin}),
            ):
                assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
                assert "access-control-allow-credentials" not in answer.headers
                assert "Origin" in answer.headers["vary"]
        preflight = await made.client.options("/cds-services/emh-order-sign", headers={"Origin": mine})
        assert "Authorization" in preflight.headers["access-control-allow-headers"]


async def test_evidence_page_lists_the_13_source_attributes(service: Site) -> None:
    listed = (await service.client.get("/evidence.json")).json()
    assert len(listed["sourceAttributes"]) == 13
    page = await service.client.get("/evidence")
    assert page.headers["content-type"].startswith("text/html")
    assert all(a["attribute"] in page.text for a in listed["sourceAttributes"])


async def test_debug_header_tells_why_there_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hook_support.card_samples.decided("W-1", "R6", silenced="dedup")
    use(Decision(lambda *_, **__: made), monkeypatch)
    for on, header in ((True, "dedup"), (False, None)):
        async with site(tmp_path, debug_header=on) as service:
            answer = await call(service, hook("patient-view"))
            assert answer.json() == {"cards": []}
            assert answer.headers.get("x-emhwatch-silence") == header


async def test_ids_of_calls_differ_and_observer_hears_of_each(service: Site) -> None:
    (first,), (second,) = await cards(service), await cards(service, hookInstance=str(uuid4()))
    assert first["uuid"] != second["uuid"]
    assert [(s.service, s.status, s.card) for s in service.seen] == [("emh-order-sign", 200, "W-1")] * 2


def test_coverage_table() -> None:
    """Every requirement is proven by a test, or the table says why not here."""
    for module in ("test_data_of_a_call", "test_feedback", "test_trust"):
        import_module(f"tests.cds.{module}")  # each marks what it proves
    proven = hook_support.COVERED
    text = REQUIREMENTS.read_text("utf-8").splitlines()
    rows = list(csv.DictReader(line for line in text if not line.startswith("#")))
    print()
    for row in rows:
        tests = proven.get(row["item"], [])
        print(f"{row['item']:>3} {row['level']:2} {len(tests):2} {row['requirement']} {row['rows']} {row['not_here']}")
    inferno = {r for row in rows for r in row["rows"].split() if row["item"] in proven}
    print(f"items {len(proven)} of {len(rows)}, rows of the Inferno file {len(inferno)}")
    assert [r["item"] for r in rows if r["item"] not in proven and not r["not_here"]] == []
    assert set(proven) <= {r["item"] for r in rows}
