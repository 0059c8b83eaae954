"""Alerts outside a hook: once, signed, again until taken, withdrawn with the assessment, and never silently nowhere."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from emhwatch.errors import ConfigurationError
from emhwatch.publish import channel
from emhwatch.publish.channel import AlertLedger
from emhwatch.publish.observation import build_set
from emhwatch.publish.options import WriteOptions
from emhwatch.publish.schema import alert, event_card
from emhwatch.publish.webhook import WebhookDelivery, verify
from emhwatch.store.database import Database, open_database
from emhwatch.store.schema import now_ms
from emhwatch.tables.load import load_tables
from emhwatch.types import Indicator
from tests.publish.samples import assessment, withdrawn
from tests.support.site import WallClock

SECRET = "a key of the tests"
OPTIONS = WriteOptions(software="test")


class Receiver:
    """The site's side: checks the signature, takes each id once, answers what it is told."""

    def __init__(self, *answers: int) -> None:
        self.answers, self.taken, self.calls = list(answers), dict[str, dict[str, Any]](), 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        assert verify(SECRET, request.headers["X-Emhwatch-Signature"], request.content, int(time.time()))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise httpx.ReadError("no answer")
        if status == 200:
            self.taken[request.headers["X-Emhwatch-Id"]] = json.loads(request.content)
        return httpx.Response(status, headers={"Location": "https://elsewhere.example/"} if status == 307 else {})


def delivery(database: Database, receiver: Receiver) -> WebhookDelivery:
    http = httpx.AsyncClient(transport=httpx.MockTransport(receiver))
    return WebhookDelivery(
        database=database, http=http, url="https://hospital.example/alerts", secret=SECRET, clock=WallClock()
    )


async def record(database: Database, what: Any, *, webhook: bool = True, options: WriteOptions = OPTIONS) -> None:
    made = build_set(what, load_tables(), options)
    assert made is not None
    references = {r["identifier"][0]["value"]: f"Observation/{n}" for n, r in enumerate(made.slots.values())}
    ledger = AlertLedger(options, webhook=webhook)
    await database.write(lambda c: ledger.record(c, "test", what, made, references))


async def make_due(database: Database) -> None:
    await database.write(lambda c: c.execute(alert.update().values(due=now_ms())) and None)


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    opened = open_database(f"sqlite:///{tmp_path / 's.sqlite'}")
    yield opened
    await opened.close()


async def test_an_alert_goes_out_once_and_says_only_where_to_look(database: Database) -> None:
    receiver = Receiver()
    for _ in range(3):
        await record(database, assessment())
    worker = delivery(database, receiver)
    assert [await worker.deliver_due() for _ in range(3)] == [1, 0, 0]
    (body,) = receiver.taken.values()
    assert body["patient"] == "Patient/p1" and body["report"] == "DiagnosticReport/r1/_history/1"
    assert body["observation"].startswith("Observation/") and body["type"] == "raised"
    assert "paravertebral" not in json.dumps(body)
    assert await database.read(lambda c: len(c.execute(event_card.select()).all())) == 1


async def test_refused_and_lost_deliveries_are_tried_again_with_the_same_id_until_a_dead_letter(
    database: Database,
) -> None:
    receiver = Receiver(500, 0, 307, 200)
    await record(database, assessment())
    worker = delivery(database, receiver)
    for expected in (1, 2, 3, 4):
        assert await worker.deliver_due() == 1 and receiver.calls == expected
        assert await worker.deliver_due() == 0  # not before its time
        await make_due(database)
    assert len(receiver.taken) == 1
    assert await database.read(channel.counts) == {"delivered": 1}
    await record(database, assessment(report="r2"))
    broken = Receiver(*[500] * 100)
    for _ in range(25):
        await make_due(database)
        await delivery(database, broken).deliver_due()
    assert (await database.read(channel.counts))["dead"] == 1 and broken.calls == 20


async def test_a_withdrawn_assessment_withdraws_what_was_delivered_and_cancels_what_was_not(database: Database) -> None:
    receiver = Receiver()
    await record(database, assessment(report="told"))
    await delivery(database, receiver).deliver_due()
    await record(database, assessment(report="waiting"))
    for report in ("told", "waiting"):
        await record(database, withdrawn(report=report, version="2"))
        await record(database, withdrawn(report=report, version="2"))
    await delivery(database, receiver).deliver_due()
    first, second = receiver.taken.values()
    assert (second["type"], second["withdraws"]) == ("withdrawn", first["id"])
    assert second["report"] == "DiagnosticReport/told/_history/1" and len(receiver.taken) == 2


@pytest.mark.parametrize(("indicator", "listed"), [(Indicator.CRITICAL, 1), (Indicator.WARNING, 0)])
async def test_h21_a_critical_result_without_a_channel_is_listed_until_somebody_saw_it(
    database: Database, indicator: Indicator, listed: int
) -> None:
    await record(database, assessment(indicator=indicator), webhook=False)
    assert len(await database.read(channel.undelivered)) == listed
    assert await database.write(lambda c: channel.seen(c, "test", "Patient/p1")) == listed
    assert await database.read(channel.undelivered) == []
    await record(database, assessment(indicator=indicator, report="r2"), webhook=False)
    await record(database, withdrawn(report="r2", version="2"), webhook=False)
    assert await database.read(channel.undelivered) == []


async def test_a_silenced_or_absent_card_alerts_nobody(database: Database) -> None:
    from dataclasses import replace

    await record(database, replace(assessment(), silenced="dedup"))
    await record(database, assessment(report="r2", card=None, indicator=Indicator.NONE))
    await record(database, assessment(report="r3", indicator=Indicator.INFO))
    assert await database.read(channel.counts) == {}


def test_a_signature_is_refused_when_old_changed_or_of_another_key() -> None:
    from emhwatch.publish.webhook import signature

    header = signature(SECRET, 1000, b"{}")
    assert verify(SECRET, header, b"{}", 1200)
    assert not verify(SECRET, header, b"{}", 1301)
    assert not verify(SECRET, header, b"{ }", 1200)
    assert not verify("another", header, b"{}", 1200)
    assert not verify(SECRET, header.replace("t=1000", "t=1100"), b"{}", 1200)
    assert not verify(SECRET, "nonsense", b"{}", 1200)


@pytest.mark.parametrize(("url", "secret"), [("http://hospital.example/", SECRET), ("https://hospital.example/", "")])
def test_alerts_never_leave_unsigned_or_readable(database: Database, url: str, secret: str) -> None:
    with pytest.raises(ConfigurationError):
        WebhookDelivery(database=database, http=httpx.AsyncClient(), url=url, secret=secret, clock=WallClock())
