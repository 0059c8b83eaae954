"""Two replicas on one PostgreSQL: what one shows the other knows; a token is used once between them."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cds.hook_support import Decision, hook, site, use
from tests.cds.test_trust import JWKS, REGISTERED, KeyServer, token

pytestmark = pytest.mark.postgres
AT = "2026-11-20T09:31:00Z"


async def test_replicas_share_cards_feedback_and_overrides(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Decision(), monkeypatch)
    async with site(tmp_path, store=postgres_url) as first, site(tmp_path, store=postgres_url) as second:
        odd = {"userId": "Practitioner/\x00u1"}  # a character that PostgreSQL cannot hold
        answer = await first.client.post("/cds-services/emh-order-sign", json=hook(context=odd))
        (card,) = answer.json()["cards"]
        await first.services.service.history.flush()
        feedback = {"feedback": [{"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": AT}]}
        answered = await second.client.post("/cds-services/emh-order-sign/feedback", json=feedback)
        assert answered.status_code == 200
        history = await second.services.service.history.load("main", "Patient/p1")
        assert [c.card for c in history.shown] == ["W-1"]
        assert [o.tier for o in history.overrides] == ["strong"]
        seen = await second.services.service.history.load_for("main", "Patient/p1", "Practitioner/u1")
        assert [c.hook for c in seen.shown] == ["order-sign"]
        (count,) = await first.services.feedback.counts()
        assert (count.shown, count.overridden, count.ignored) == (1, 1, 0)
        assert [r["known"] for r in await first.services.feedback.export()] == [True]
        await first.services.service.history.purge(keep_days=-1)
        assert await second.services.feedback.export() == []


async def test_token_is_used_once_among_replicas(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Decision(), monkeypatch)
    clients = tmp_path / "clients.toml"
    clients.write_text(REGISTERED)
    (tmp_path / "kit.json").write_text(json.dumps(JWKS))
    given = {"store": postgres_url, "open": False, "clients_file": str(clients), "keys": KeyServer()}
    async with site(tmp_path, **given) as first, site(tmp_path, **given) as second:
        for _ in range(10):
            headers = {"Authorization": f"Bearer {token()}"}
            calls = [
                s.client.post("/cds-services/emh-order-sign", json=hook(), headers=headers) for s in (first, second)
            ]
            assert sorted(answer.status_code for answer in await asyncio.gather(*calls)) == [200, 401]
