"""Chromium, the acceptance page, the real evaluation and a real FHIR server: what an integration engineer sees."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from emhwatch.demo.patients import demo_patients, with_subject
from tests.cds.browser import browsing, serving

pytestmark = [pytest.mark.browser, pytest.mark.hapi]

NOW = datetime.now(UTC)
PATIENT = next(p for p in demo_patients(NOW) if p.expected.hold)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


@pytest.fixture
def filed(hapi: str) -> Iterator[str]:
    """A demonstration patient on the server; the id."""
    subject = f"urn:uuid:{uuid.uuid4()}"
    entries = [{"fullUrl": subject, "resource": PATIENT.patient, "request": {"method": "POST", "url": "Patient"}}]
    for resource in (*PATIENT.chart, *PATIENT.reports):
        request = {"method": "POST", "url": resource["resourceType"]}
        entries.append({"resource": with_subject(resource, subject), "request": request})
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    with httpx.Client(timeout=60, headers={"Content-Type": "application/fhir+json"}) as client:
        answer = client.post(hapi, json=bundle).raise_for_status().json()
        made = ["/".join(e["response"]["location"].split("/")[:2]) for e in answer["entry"]]
        yield made[0].partition("/")[2]
        for reference in reversed(made):
            client.delete(f"{hapi}/{reference}")


def allowed(route: Route) -> None:
    """The server's own answer; a hospital's server allows the origin of its EHR, this one may not know ours."""
    answer = route.fetch()
    route.fulfill(response=answer, headers={**answer.headers, "access-control-allow-origin": "*"})


@pytest.mark.parametrize("prefetch", ["all", "half", "none"])
def test_demo_patient_in_the_browser(prefetch: str, browser: Browser, hapi: str, filed: str, tmp_path: Path) -> None:
    with serving(tmp_path, hapi, now=NOW) as base:
        page: Page = browser.new_page()
        page.route(f"{hapi}/**", allowed)
        page.goto(f"{base}/ehr?fhirServiceUrl={hapi}&patientId={filed}")
        expect(page.get_by_role("status")).to_contain_text("6 services")
        page.locator("#prefetch").select_option(prefetch)
        page.get_by_role("button", name="Select order").click()
        card = page.locator("article.card")
        expect(card).to_have_attribute("data-card", PATIENT.expected.card or "")
        expect(card.get_by_role("button", name="Hold this biopsy")).to_have_count(1)
        card.get_by_role("button", name="Keep biopsy").click()
        expect(page.locator("#orders")).to_contain_text("EMH possible, may bleed")
        page.get_by_role("button", name="Sign orders").click()
        expect(page.get_by_role("status")).to_contain_text("order-sign: 1 card")
        page.get_by_role("button", name="Override").click()
        expect(page.locator("#feedback li")).to_have_text(["accepted: 200", "overridden: 200"])
        page.close()
