"""Requests changed at random: no 5xx, no hang, no request to a host that is not configured."""

import copy
import random
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.cds.hook_support import FHIR, biopsy, bundle, hook, site

SHORT, LONG = 1_000, 50_000  #: each with a call and a feedback: 2,000 and 100,000 requests
HOOKS = ("patient-view", "order-select", "order-sign", "order-dispatch", "appointment-book", "encounter-start")
VALUES: tuple[Any, ...] = (
    *(None, "", [], {}, 0, -1, 1e308, True, "x", "Patient/p2", "ServiceRequest/o1", "https://evil.example/r4"),
    *("\u202e<script>", "a" * 4000, [[]], [None], {"resourceType": "Patient"}, {"resourceType": 7}, [1, "x", None]),
    *({"entry": "x"}, {"resourceType": "Bundle", "entry": [None, 1, {"resource": []}]}, "2026-13-45", "\x00"),
    {"resourceType": "Bundle", "link": [{"relation": "next", "url": "http://169.254.169.254/"}]},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        found += places(part, (*path, key))
    return found


def mutated(body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One to four changes: another value, a removed element, an added one."""
    for _ in range(chance.randint(1, 4)):
        there = places(body)
        if not there:
            break
        *way, last = chance.choice(there)
        parent: Any = body
        for step in way:
            parent = parent[step]
        kind = chance.random()
        if kind < 0.25:
            del parent[last]
        elif kind < 0.35 and isinstance(parent, dict):
            parent[chance.choice(("extension", "modifierExtension", "link", "x"))] = copy.deepcopy(
                chance.choice(VALUES)
            )
        else:
            parent[last] = copy.deepcopy(chance.choice(VALUES))
    return body


class Watched(httpx.MockTransport):
    """The only configured server; a request to any other host fails the test."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.hosts: set[str] = set()

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(f"{request.url.scheme}://{request.url.netloc.decode()}")
        return httpx.Response(404, json={"resourceType": "OperationOutcome", "issue": []})


async def hammer(folder: Path, number: int, seed: int) -> None:
    chance, server = random.Random(seed), Watched()
    slot = {"resourceType": "Appointment", "id": "a", "description": "biopsy of a paraspinal mass"}
    access = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "s", "subject": "c"}
    async with site(folder, fhir=server, id_per_hook=False) as service:
        for _ in range(number):
            name = chance.choice(HOOKS)
            context = {"appointments": bundle(slot)} if name == "appointment-book" else {}
            body = hook(name, context=context, fhirServer=FHIR, fhirAuthorization=access)
            body["prefetch"]["orders"] = bundle(biopsy("s1", status="active"))
            if chance.random() < 0.2:
                body["prefetch"].pop(chance.choice(list(body["prefetch"])))
            content = orjson.dumps(mutated(body, chance))
            if chance.random() < 0.05:
                cut = chance.randrange(len(content))
                content = content[:cut] + bytes([chance.randrange(256)]) + content[cut + 1 :]
            answer = await service.client.post("/cds-services/emh", content=content)
            assert answer.status_code < 500, (answer.text, content, service.errors)
            assert ("cards" in answer.json()) == (answer.status_code == 200)
            feedback = {"feedback": [mutated({"card": "c", "outcome": "accepted", "outcomeTimestamp": "2026"}, chance)]}
            answered = await service.client.post("/cds-services/emh/feedback", content=orjson.dumps(feedback))
            assert answered.status_code < 500, (answered.text, feedback, service.errors)
    assert server.hosts <= {"https://fhir.hospital.example"}


async def test_h21_mutated_requests(tmp_path: Path) -> None:
    await hammer(tmp_path, SHORT, seed=20261120)


@pytest.mark.soak
async def test_h21_many_mutated_requests(tmp_path: Path) -> None:
    await hammer(tmp_path, LONG, seed=4711)
