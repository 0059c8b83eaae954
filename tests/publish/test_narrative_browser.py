"""What a person sees of a result in a browser."""

import shutil

import pytest
from playwright.async_api import async_playwright

from emhwatch.publish.observation import build
from emhwatch.tables.load import load_tables
from emhwatch.types import Value
from tests.publish.samples import assessment, withdrawn
from tests.publish.test_observation import coded

pytestmark = pytest.mark.browser

HOSTILE = 'lobulated mass <img src=x onerror="document.title=\'taken\'"> at T9 & "T10"'


async def test_narratives_read_as_text_and_run_nothing() -> None:
    resources = build(assessment(danger=Value.POSSIBLE, words=HOSTILE), load_tables())
    (head,), (danger,) = coded(resources, "emh-assessment"), coded(resources, "emh-danger")
    (gone,) = coded(build(withdrawn(), load_tables()), "emh-assessment")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = await browser.new_page()
        body = "".join(r["text"]["div"] for r in (head, danger, gone))
        await page.set_content(f"<!doctype html><title>viewer</title><body>{body}</body>")
        assert await page.title() == "viewer" and await page.locator("img").count() == 0
        assert [await h.inner_text() for h in await page.locator("h3").all()] == [
            "EMH assessment of mass 1: Moderate",
            "Danger with a paraspinal mass",
            "EMH assessment of this report: Not assessed",
        ]
        rows = {
            await row.locator("th").inner_text(): await row.locator("td").inner_text()
            for row in await page.locator("body > div").first.locator("tr").all()
        }
        assert rows["Result"] == "Moderate" and rows["Danger"] == "Possible" and rows["Net points"] == "3"
        assert rows["Levels"] == "T9 T10" and rows["Unknown"] == "Histology of this mass, Report names EMH"
        text = await page.locator("body").inner_text()
        assert HOSTILE in text and "Decision support, not a diagnosis." in text
        assert "This says nothing about EMH." in text
        await browser.close()
