"""The hooks with the real evaluation: what a clinician gets for a fictional patient, call by call."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cds.hook_support import Site, biopsy, bundle, chart, hook, site


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, debug_header=True) as made:
        yield made


async def ask(service: Site, name: str = "order-sign", order: dict | None = None, **changed: Any) -> tuple[list, str]:
    if order is not None:
        drafts = {"resourceType": "Bundle", "entry": [{"resource": order}]}
        changed["context"] = {"draftOrders": drafts, **changed.get("context", {})}
    answer = await service.client.post(f"/cds-services/emh-{name}", json=hook(name, **changed))
    assert answer.status_code == 200, answer.text
    await service.services.service.history.flush()
    return answer.json()["cards"], answer.headers.get("x-emhwatch-silence", "")


def holds(cards: list) -> bool:
    return any(a["type"] == "delete" for c in cards for s in c["suggestions"] for a in s["actions"])


@pytest.mark.parametrize("name", ["patient-view", "encounter-start", "order-select", "order-sign"])
async def test_strong_card_on_each_hook(name: str, service: Site) -> None:
    (card,), _ = await ask(service, name)
    assert card["source"]["topic"]["code"] == "W-1"
    assert "thalassemia" in card["detail"]
    assert holds([card]) is name.startswith("order")


async def test_booking_and_dispatch(service: Site) -> None:
    slot = {
        "resourceType": "Appointment",
        "id": "a1",
        "serviceType": [{"text": "CT-guided biopsy of the paravertebral mass"}],
        "participant": [{"actor": {"reference": "Patient/p1"}}],
    }
    (card,), _ = await ask(service, "appointment-book", context={"appointments": bundle(slot)})
    assert not holds([card])
    prefetch = {**chart(), "orders": bundle(biopsy(status="active", intent="order", authoredOn="2026-11-19"))}
    (card,), _ = await ask(service, "order-dispatch", prefetch=prefetch)
    assert not holds([card])


@pytest.mark.parametrize("text", ["Biopsy of the left breast", "Bone marrow biopsy", "Chest radiograph", "CBC"])
async def test_order_for_another_site_is_silent(text: str, service: Site) -> None:
    cards, why = await ask(service, order=biopsy(code={"text": text}))
    assert cards == []
    assert why == "other-order"


@pytest.mark.parametrize(
    "code",
    [
        {"text": "CT-guided core needle biopsy of the paravertebral mass"},
        {"text": "Thoracoscopic biopsy of posterior mediastinal mass"},
        {"text": "Open biopsy of a paraspinal mass"},
        {"text": "Biopsie percutanée de la masse paravertébrale"},
        {"text": "CT-gesteuerte Stanzbiopsie der paravertebralen Raumforderung"},
        {"text": "Biopsia con aguja de masa paravertebral"},
        {"text": "Agobiopsia TC-guidata di massa paravertebrale"},
        {"coding": [{"system": "http://loinc.org", "code": "37213-6"}]},
        {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": "0WBC3ZX"}]},
    ],
)
async def test_ways_to_order_the_biopsy(code: dict[str, Any], service: Site) -> None:
    (card,), _ = await ask(service, order=biopsy(code=code))
    assert card["source"]["topic"]["code"] == "W-1"


@pytest.mark.parametrize(("priority", "held"), [("routine", True), ("urgent", True), ("asap", False), ("stat", False)])
async def test_h06_urgent_order_gets_no_hold(priority: str, held: bool, service: Site) -> None:
    cards, _ = await ask(service, order=biopsy(priority=priority))
    assert holds(cards) is held


async def test_h19_repeat_is_silent_per_hook_and_order(service: Site) -> None:
    assert len((await ask(service))[0]) == 1
    assert await ask(service) == ([], "dedup")
    assert len((await ask(service, "order-select"))[0]) == 1  # another hook
    again = biopsy("o2")
    assert len((await ask(service, order=again))[0]) == 1  # a new order
    service.clock.moment += timedelta(days=91)


async def test_override_silences_mass_and_tier(service: Site) -> None:
    (card,), _ = await ask(service)
    feedback = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-20T09:31:00Z"}
    url = "/cds-services/emh-order-sign/feedback"
    assert (await service.client.post(url, json={"feedback": [feedback]})).status_code == 200
    service.clock.moment += timedelta(days=7)
    assert await ask(service, order=biopsy("o9")) == ([], "override")


async def test_h01_order_of_another_patient(service: Site) -> None:
    order = biopsy(subject={"reference": "Patient/p2"})
    drafts = {"entry": [{"resource": order}]}
    answer = await service.client.post("/cds-services/emh-order-sign", json=hook(context={"draftOrders": drafts}))
    assert answer.status_code == 400
    assert "cards" not in answer.json()


async def test_h27_hostile_report_text_through_the_whole_way(service: Site) -> None:
    import base64

    words = (
        "Paravertebral mass <img src=x onerror=alert(1)> [see](javascript:alert(1)) **now** https://evil.example at T9."
    )
    report = chart()["reports"]["entry"][0]["resource"]
    report["presentedForm"][0]["data"] = base64.b64encode(words.encode()).decode()
    report["code"] = {"text": "<b>CT</b>"}
    report.pop("category")
    (card,), _ = await ask(service, prefetch={**chart(), "reports": bundle(report)})
    assert "<" not in card["detail"]
    assert "](" not in card["detail"]
    assert "://" not in card["detail"]
