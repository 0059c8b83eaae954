"""A real browser on the acceptance page, and the service on a real port."""

import asyncio
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from emhwatch.cds.page import create_router as page_router
from tests.cds.hook_support import site


def chromium() -> str:
    """The Chromium that the machine has."""
    found = os.environ.get("EMHWATCH_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.fail("Chromium is missing: apt-get install chromium, or set EMHWATCH_TEST_CHROMIUM.")
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serving(folder: Path, fhir: str, **settings: object) -> Iterator[str]:
    """The service with the page, on a port of its own, in a thread; its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    servers: list[uvicorn.Server] = []

    async def run() -> None:
        given = {"fhir_servers": (fhir,), "budget_ms": 5000, **settings}
        async with site(folder, base=base, network=True, **given) as made:
            made.app.include_router(page_router())
            servers.append(uvicorn.Server(uvicorn.Config(made.app, port=port, log_level="warning", lifespan="off")))
            await servers[0].serve()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not (servers and servers[0].started) and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert servers, "the service did not start"
    assert servers[0].started, "the service did not start"
    try:
        yield base
    finally:
        servers[0].should_exit = True
        thread.join(timeout=30)
