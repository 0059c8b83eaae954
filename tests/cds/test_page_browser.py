"""The acceptance page in headless Chromium: what an EHR would do, against the real service and a real FHIR server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.cds.browser import browsing, serving
from tests.cds.hook_support import Decision, chart, use

pytestmark = pytest.mark.browser

FHIR = "https://fhir.hospital.example/r4"
TYPES = {
    "DiagnosticReport": "reports",
    "Observation": "laboratory",
    "Condition": "conditions",
    "Procedure": "procedures",
    "MedicationRequest": "medications",
    "ServiceRequest": "orders",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


@pytest.fixture
def decision(monkeypatch: pytest.MonkeyPatch) -> Decision:
    return use(Decision(), monkeypatch)


@pytest.fixture
def page(browser: Browser, decision: Decision, tmp_path: Path) -> Iterator[Page]:
    with serving(tmp_path, FHIR) as base:
        context = browser.new_context()
        page = context.new_page()
        page.route(f"{FHIR}/**", answer)
        page.errors = []  # type: ignore[attr-defined]  # read by the tests
        page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
        page.goto(f"{base}/ehr?fhirServiceUrl={FHIR}&patientId=p1")
        expect(page.get_by_role("status")).to_contain_text("6 services")
        yield page
        assert page.errors == []  # type: ignore[attr-defined]
        context.close()


def answer(route: Route) -> None:
    """The FHIR server of the hospital."""
    path = route.request.url.removeprefix(f"{FHIR}/").partition("?")[0]
    data: Any = chart()["patient"] if path.startswith("Patient/") else chart()[TYPES[path]]
    route.fulfill(status=200, json=data, headers={"Access-Control-Allow-Origin": "*"})


def test_order_is_selected_held_and_fed_back(page: Page, decision: Decision) -> None:
    page.get_by_role("button", name="Select order").click()
    card = page.locator("article.card")
    expect(card).to_have_count(1)
    expect(card).to_have_class("card warning")
    expect(card.locator("h3")).to_contain_text("EMH) before biopsy")
    expect(card.locator("strong").first).to_have_text("Found.")
    expect(page.locator("#orders li")).to_have_count(1)
    card.get_by_role("button", name="Hold this biopsy").click()
    expect(page.locator("#orders li")).to_have_count(0)
    expect(page.locator("#feedback li")).to_have_text("accepted: 200")
    assert decision.asked[-1]["incomplete"] == ()


def test_note_is_added_and_the_order_is_signed(page: Page) -> None:
    page.get_by_role("button", name="Select order").click()
    page.get_by_role("button", name="Keep biopsy").click()
    expect(page.locator("#orders li")).to_contain_text("EMH possible, may bleed")
    page.get_by_role("button", name="Sign orders").click()
    expect(page.get_by_role("status")).to_contain_text("order-sign: 1 card")


def test_new_order_is_created(page: Page) -> None:
    page.get_by_role("button", name="Open chart").click()
    page.get_by_role("button", name="CBC, reticulocytes, film").click()
    expect(page.locator("#orders li")).to_contain_text("CBC with reticulocytes and blood film [draft]")


def test_override_is_fed_back(page: Page) -> None:
    page.get_by_role("button", name="Open chart").click()
    page.locator("article select").select_option("hematology-agrees-biopsy")
    page.get_by_role("button", name="Override").click()
    expect(page.locator("#feedback li")).to_have_text("overridden: 200")
    expect(page.locator("article.card")).to_have_count(0)


def test_refusal_never_reads_as_no_emh(page: Page) -> None:
    page.locator("#fhir").fill("https://not.configured.example/r4")
    page.locator("#prefetch").select_option("none")
    page.get_by_role("button", name="Open chart").click()
    expect(page.get_by_role("status")).to_contain_text("412")
    expect(page.get_by_role("status")).to_contain_text("Nothing was judged")


@pytest.mark.parametrize("name", ["plain", "entities"])
def test_h27_hostile_report_text_stays_text(name: str, page: Page, decision: Decision) -> None:
    """Whatever a report holds, the page shows it as words: no element, no link, no script comes of it."""
    from dataclasses import replace

    from tests.cds import card_samples

    hostile = {
        "plain": "<img src=x onerror=\"document.title='owned'\"> <script>document.title='owned'</script> **b** [x](https://e.example)",
        "entities": "&lt;img src=x onerror=document.title='owned'&gt; &#60;b&#62; `x` https://evil.example",
    }[name]
    made = card_samples.every_card()["W-1"]
    words = card_samples.fact("paraspinal_mass", text=hostile)
    shown = replace(made, masses=(replace(made.masses[0], statement=words),))
    decision.answer = lambda *_, **__: shown
    page.get_by_role("button", name="Open chart").click()
    detail = page.locator("article .detail")
    expect(detail).to_contain_text("onerror")
    assert detail.locator("img, script, a, b, code").count() == 0
    assert page.title() == "emhwatch: acceptance page"
    assert [a.get_attribute("href") for a in page.locator("article a").all()] == [
        link["url"] for link in json.loads(page.locator("#response").text_content() or "")["cards"][0]["links"]
    ] + [f"{page.url.partition('/ehr')[0]}/evidence"]


def test_page_has_a_strict_content_security_policy(page: Page) -> None:
    answer = page.request.get(page.url.partition("?")[0])
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.request.get(page.url.partition("?")[0] + "/secret").status == 404
