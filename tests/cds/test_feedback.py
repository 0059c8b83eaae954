"""What clinicians did with the cards: kept, joined, counted, exported; overrides silence."""

import csv
import io
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from emhwatch.cds.feedback import COLUMNS, as_csv
from emhwatch.cds.history import OTHER
from emhwatch.cli import main
from tests.cds import card_samples
from tests.cds.hook_support import Decision, Site, chart, covers, hook, site, use

AT = "2026-11-20T09:31:00Z"


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    use(Decision(), monkeypatch)
    async with site(tmp_path) as made:
        yield made


async def shown(service: Site, **changed: Any) -> dict[str, Any]:
    answer = await service.client.post("/cds-services/emh-order-sign", json=hook(**changed))
    await service.services.service.history.flush()
    return answer.json()["cards"][0]


async def send(service: Site, *answers: dict[str, Any]) -> httpx.Response:
    return await service.client.post("/cds-services/emh-order-sign/feedback", json={"feedback": list(answers)})


def accepted(card: dict[str, Any], place: int = 0, **more: Any) -> dict[str, Any]:
    suggestion = {"id": card["suggestions"][place]["uuid"]}
    return {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [suggestion],
        "outcomeTimestamp": AT,
        **more,
    }


def overridden(card: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": AT, **more}


async def counts(service: Site) -> tuple[int, int, int, int]:
    (count,) = await service.services.feedback.counts()
    return count.shown, count.accepted, count.overridden, count.ignored


@covers(56, 57)
async def test_accepted_and_overridden_are_kept(service: Site) -> None:
    first, second = await shown(service), await shown(service)
    answer = await send(service, accepted(first), overridden(second))
    assert answer.status_code == 200
    assert answer.json()  # an empty body counts as a failure at some clients
    assert await counts(service) == (2, 1, 1, 0)


@covers(59)
async def test_ignored_is_what_nobody_answered(service: Site) -> None:
    await shown(service)
    first = await shown(service)
    await send(service, accepted(first))
    assert await counts(service) == (2, 1, 0, 1)


@covers(58)
async def test_same_card_several_times(service: Site) -> None:
    """The public sandbox sends accepted and overridden for one card."""
    card = await shown(service)
    assert (await send(service, accepted(card), accepted(card, 1), overridden(card))).status_code == 200
    assert await counts(service) == (1, 1, 0, 0)
    assert [r["outcome"] for r in await service.services.feedback.export()] == ["accepted", "accepted", "overridden"]


@covers(60, 61)
async def test_reason_may_be_absent_or_of_the_client(service: Site) -> None:
    card = await shown(service)
    own = {"reason": {"code": "x-9", "system": "https://client.example"}, "userComment": "seen with the team"}
    assert (await send(service, overridden(card), overridden(card, overrideReason=own))).status_code == 200
    rows = await service.services.feedback.export()
    assert [r["override_code"] for r in rows] == [None, "x-9"]
    assert rows[1]["comment"] == "seen with the team"


@covers(62)
async def test_unknown_and_repeated_are_kept_and_marked(service: Site) -> None:
    card = await shown(service)
    await send(service, accepted(card), accepted(card), overridden({"uuid": "long-ago"}))
    rows = await service.services.feedback.export()
    assert [(r["card_uuid"] == card["uuid"], r["known"], r["repeated"]) for r in rows] == [
        (True, True, False),
        (True, True, True),
        (False, False, False),
    ]


BAD = [
    {},
    {"card": "c", "outcome": "overridden"},
    {"card": "c", "outcome": "ignored", "outcomeTimestamp": AT},
    {"outcome": "accepted", "outcomeTimestamp": AT},
    {"card": 1, "outcome": "accepted", "outcomeTimestamp": AT},
    {"card": "c", "outcome": "accepted", "outcomeTimestamp": "yesterday"},
    {"card": "c", "outcome": "accepted", "acceptedSuggestions": "x", "outcomeTimestamp": AT},
    {"card": "c", "outcome": "overridden", "overrideReason": "x", "outcomeTimestamp": AT},
    {"card": "c", "outcome": "overridden", "overrideReason": {"reason": "x"}, "outcomeTimestamp": AT},
    "x",
    None,
]


@covers(57)
@pytest.mark.parametrize("answer", BAD)
async def test_wrong_feedback_is_refused_whole(answer: Any, service: Site) -> None:
    card = await shown(service)
    refused = await send(service, accepted(card), answer)
    assert refused.status_code == 400
    assert "feedback[1]" in refused.json()["issue"][0]["diagnostics"]
    assert await counts(service) == (1, 0, 0, 1)


@covers(57)
@pytest.mark.parametrize("body", [{}, [], {"feedback": []}, {"feedback": {}}, None])
async def test_feedback_must_be_a_list(body: Any, service: Site) -> None:
    answer = await service.client.post("/cds-services/emh-order-sign/feedback", json=body)
    assert answer.status_code == 400


async def test_history_knows_what_was_shown_and_overridden(service: Site) -> None:
    card = await shown(service)
    reason = {"reason": {"code": "emh-considered", "system": "s"}}
    await send(service, overridden(card, overrideReason=reason))
    history = await service.services.service.history.load("main", "Patient/p1")
    (remembered,) = history.shown
    assert (remembered.card, remembered.row, remembered.hook) == ("W-1", "R6", "order-sign")
    assert remembered.order == "ServiceRequest/o1"
    assert remembered.report == "DiagnosticReport/r1/_history/1"
    assert remembered.mass_key == "A1|bilateral|T9,T10"
    (override,) = history.overrides
    assert (override.mass_key, override.tier, override.reason) == ("A1|bilateral|T9,T10", "strong", "emh-considered")
    assert await service.services.service.history.load("main", "Patient/p2") != history
    assert (await service.services.service.history.load("elsewhere", "Patient/p1")).shown == ()


async def test_h19_repeat_is_judged_for_each_clinician(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = use(Decision(), monkeypatch)
    await shown(service)
    await shown(service, context={"userId": "Practitioner/u2"})
    assert [c.hook for c in decision.asked[1]["history"].shown] == [OTHER]
    await shown(service)
    assert [c.hook for c in decision.asked[2]["history"].shown] == ["order-sign", OTHER]


async def test_profile_may_switch_the_repeat_filter_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = use(Decision(), monkeypatch)
    async with site(tmp_path, open_profile="sandbox") as made:
        await shown(made)
        await shown(made)
    assert decision.asked[1]["history"] is None


async def test_feedback_of_another_client_does_not_silence(service: Site) -> None:
    card = await shown(service)
    from emhwatch.cds.feedback import parse_feedback

    answers = parse_feedback({"feedback": [overridden(card)]})
    await service.services.feedback.keep("emh-order-sign", "somebody-else", answers)
    assert (await service.services.service.history.load("main", "Patient/p1")).overrides == ()
    assert await counts(service) == (1, 0, 0, 1)


async def test_withdrawal_card_is_remembered(service: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = replace(card_samples.every_card()["I-9"], draft_order="ServiceRequest/o1")
    use(Decision(lambda *_, **__: made), monkeypatch)
    assert (await shown(service))["source"]["topic"]["code"] == "I-9"
    history = await service.services.service.history.load("main", "Patient/p1")
    assert [c.card for c in history.shown] == ["I-9"]


async def test_old_records_are_purged(service: Site) -> None:
    card = await shown(service)
    await send(service, accepted(card))
    history = service.services.service.history
    await history.purge(keep_days=1)
    assert len(await service.services.feedback.export()) == 1
    await history.purge(keep_days=-1)
    assert await service.services.feedback.export() == []


async def test_export_command(
    service: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await shown(service)
    comment = {"userComment": "=HYPERLINK(1)"}
    await send(service, accepted(card), overridden(await shown(service), overrideReason=comment))
    for name in [n for n in os.environ if n.startswith("EMHWATCH_") and not n.startswith("EMHWATCH_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EMHWATCH_STORE_URL", f"sqlite:///{tmp_path}/cds.sqlite")
    import asyncio

    out = tmp_path / "out"
    assert await asyncio.to_thread(main, ["feedback", "export", "--out", str(out)]) == 0
    lines = (out / "feedback.ndjson").read_bytes().splitlines()
    records = [orjson.loads(line) for line in lines]
    assert [tuple(r) for r in records] == [COLUMNS, COLUMNS]
    assert [r["outcome"] for r in records] == ["accepted", "overridden"]
    assert records[0]["user"] == "Practitioner/u1"
    rows = list(csv.DictReader(io.StringIO((out / "feedback.csv").read_text("utf-8"))))
    assert rows[1]["comment"] == "'=HYPERLINK(1)"
    (count,) = csv.DictReader(io.StringIO((out / "counts.csv").read_text("utf-8")))
    assert (count["shown"], count["accepted"], count["overridden"], count["ignored"]) == ("2", "1", "1", "0")
    assert len((out / "source-attributes.csv").read_text("utf-8").splitlines()) == 14
    assert await asyncio.to_thread(main, ["feedback", "export", "--format", "csv"]) == 0
    assert capsys.readouterr().out == as_csv(records)
    assert await asyncio.to_thread(main, ["feedback", "counts"]) == 0
    assert "ignored" in capsys.readouterr().out


async def test_card_of_another_process_is_known_a_second_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = use(Decision(), monkeypatch)
    seconds = [100.0]
    async with site(tmp_path) as first, site(tmp_path) as second:
        remembered = second.services.service.history._remembered
        monkeypatch.setattr(remembered, "_monotonic", lambda: seconds[0])
        await shown(second, context={"patientId": "p9"}, prefetch=chart("p9"))  # reads what is there
        await shown(first)
        seconds[0] += 1.1
        await shown(second)
        assert [c.card for c in decision.asked[-1]["history"].shown] == ["W-1"]
