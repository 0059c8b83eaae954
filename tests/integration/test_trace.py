"""One trace and one event id from the notification to the requests that the FHIR server gets."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from emhwatch.commands.demo import demo_settings
from emhwatch.demo.embedded import running_embedded
from emhwatch.intake.routes import HEADER, PATH
from emhwatch.telemetry.log import bound, configure, log
from emhwatch.telemetry.trace import Traced, current, following, received, traceparent
from tests.integration.test_loop import running, settled

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the service logs, from DEBUG on."""
    root, ours = logging.getLogger(), logging.getLogger("emhwatch")
    before, level = root.handlers[:], ours.level
    configure("DEBUG")
    written = io.StringIO()
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(written)
    yield written
    root.handlers[:] = before
    ours.setLevel(level)


async def test_a_notification_is_followed_to_the_server_and_through_all_lines(
    tmp_path: Path, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    really = httpx.AsyncHTTPTransport.handle_async_request

    async def recorded(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if "traceparent" in request.headers:
            sent.append(request.headers["traceparent"])
        return await really(self, request)

    with running_embedded() as url:
        settings = demo_settings(url, tmp_path, shared=False)
        settings = replace(settings, intake=replace(settings.intake, mode="poll", poll_s=60.0))
        async with running(settings) as service, httpx.AsyncClient(base_url=settings.cds.public_url) as http:
            monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", recorded)
            headers = {HEADER: service.intake.secret, "traceparent": PARENT}
            answer = await http.put(f"{PATH}/DiagnosticReport/not-there", headers=headers)
            assert answer.status_code == 200
            await settled(service, 1)
    ours = [parent for parent in sent if parent != PARENT]  # the notification itself was recorded too
    assert ours
    assert {parent[:35] for parent in ours} == {f"00-{TRACE}"}
    assert {parent[-2:] for parent in ours} == {"01"}
    assert len({parent.split("-")[2] for parent in ours}) == len(ours), "each request is a span of its own"
    of_trace: list[dict[str, Any]] = [x for x in map(json.loads, lines.getvalue().splitlines()) if "trace" in x]
    said = {line["message"]: line["event"] for line in of_trace if line["trace"] == TRACE and "event" in line}
    assert {"event accepted", "event finished"} <= said.keys()
    assert len(set(said.values())) == 1


def test_a_trace_that_is_not_valid_is_replaced() -> None:
    assert received(PARENT) == f"{TRACE}-01"
    assert received(f"cc-{TRACE}-b7ad6b7169203331-00-more") == f"{TRACE}-00"
    for wrong in ("", "x", f"ff-{TRACE}-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", f"{PARENT}-more"):
        fresh = received(wrong)
        assert TRACE not in fresh
        assert len(fresh) == 35
        assert fresh.endswith("-00")


async def test_requests_that_name_no_trace_get_one_each() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(Traced(app)), base_url="http://here") as http:
        await http.get("/")
        await http.get("/")
    assert len(set(seen)) == 2
    assert current() == traceparent() == ""


def test_fields_end_with_what_they_belong_to(lines: io.StringIO) -> None:
    with following(f"{TRACE}-00", event=7):
        log("inside")
        with bound(outcome="done"):
            log("deeper")
    log("outside")
    inside, deeper, outside = map(json.loads, lines.getvalue().splitlines())
    assert (inside["trace"], inside["event"]) == (TRACE, 7)
    assert (deeper["event"], deeper["outcome"]) == (7, "done")
    assert not {"trace", "event", "outcome"} & outside.keys()
    with pytest.raises(ValueError, match="not listed"), bound(patient="p1"):
        pass
