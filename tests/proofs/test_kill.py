"""SIGKILL at any moment and at every step: nothing that got a 2xx is lost, nothing is written twice, order holds."""

import asyncio
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from emhwatch.demo.embedded import running_embedded
from tests.proofs.dying import STEPS
from tests.proofs.hospital import Hospital, Serving, hospital, settled

STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module")
def fhir() -> Iterator[str]:
    with running_embedded({"subscriptions": {"enabled": False}}) as url:
        yield url


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name = getattr(request, "param", "sqlite")
    return f"sqlite:///{tmp_path}/s.sqlite" if name == "sqlite" else str(request.getfixturevalue("postgres_url"))


async def killed_at_random(fhir: str, store: str, folder: Path, *, kills: int, seed: int) -> tuple[list[str], Hospital]:
    """Kill the service while four senders file reports without a pause."""
    dice = random.Random(seed)
    with Serving(fhir, store, folder) as serving:
        async with hospital(fhir, serving, seed=seed, patients=6 + kills // 2) as there, httpx.AsyncClient() as http:
            await serving.start()
            senders = [asyncio.create_task(there.work(http)) for _ in range(4)]
            for _ in range(kills):
                await asyncio.sleep(dice.uniform(0.1, 1.2))
                assert serving.end() == -signal.SIGKILL
                await serving.start()
            there.stop = True
            await asyncio.gather(*senders)
            return await settled(store, there), there


async def killed_at(step: str, fhir: str, store: str, folder: Path, *, number: int, without: str = "") -> list[str]:
    """Let the service kill itself at a step, start it again, and see what stands in the end."""
    with Serving(fhir, store, folder, words=["--without", without]) as serving:
        async with hospital(fhir, serving, seed=number, patients=2) as there, httpx.AsyncClient() as http:
            await serving.start(step, str(number))
            senders = [asyncio.create_task(there.work(http, reports=number + 1)) for _ in range(2)]
            assert await serving.died() == -signal.SIGKILL
            await serving.start()
            await asyncio.gather(*senders)
            if without == "durability":
                await asyncio.sleep(1.0)  # what was stored late is stored now
            return await settled(store, there)


@pytest.mark.parametrize("store", STORES, indirect=True)
async def test_h29_killed_at_random_moments(fhir: str, store: str, tmp_path: Path) -> None:
    wrong, there = await killed_at_random(fhir, store, tmp_path, kills=5, seed=26)
    assert wrong == []
    assert len(there.told) > 10  # there was work to lose


@pytest.mark.soak
@pytest.mark.hapi
@pytest.mark.parametrize("store", STORES, indirect=True)
async def test_h29_killed_fifty_times(hapi: str, store: str, tmp_path: Path) -> None:
    wrong, there = await killed_at_random(hapi, store, tmp_path, kills=50, seed=4711)
    assert wrong == []
    assert len(there.told) > 100


@pytest.mark.parametrize("step", STEPS)
async def test_h29_killed_at_each_step(step: str, fhir: str, store: str, tmp_path: Path) -> None:
    assert await killed_at(step, fhir, store, tmp_path, number=2) == []


@pytest.mark.soak
@pytest.mark.parametrize("store", STORES, indirect=True)
@pytest.mark.parametrize("number", [1, 3, 4])
@pytest.mark.parametrize("step", STEPS)
async def test_h29_killed_at_each_step_later(step: str, number: int, fhir: str, store: str, tmp_path: Path) -> None:
    assert await killed_at(step, fhir, store, tmp_path, number=number) == []


async def test_control_an_answer_before_the_event_is_durable_loses_it(fhir: str, store: str, tmp_path: Path) -> None:
    wrong = await killed_at("stored", fhir, store, tmp_path, number=3, without="durability")
    assert any(one.startswith("lost") for one in wrong)


async def test_control_writing_without_a_ledger_doubles(fhir: str, store: str, tmp_path: Path) -> None:
    wrong = await killed_at("written", fhir, store, tmp_path, number=1, without="ledger")
    assert any(one.startswith("doubled") for one in wrong)
