"""Many evaluations through a bad network: what the inbox would do (try again), what crashes do, and what must hold."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emhwatch.errors import EmhError, RetryClass
from emhwatch.fhir.connect import connect
from emhwatch.model.assessment import Assessment
from emhwatch.publish.observation import build_set
from emhwatch.publish.options import WriteOptions
from emhwatch.settings import FhirSettings
from emhwatch.tables.load import load_tables
from emhwatch.types import Resource, Tier
from tests.publish.bench import bench, event
from tests.publish.samples import assessment, withdrawn
from tests.support.fault_proxy import Fault, fault_proxy, random_faults
from tests.support.site import Site, WallClock, site

FAULTS = {
    Fault.DROP_AFTER: 0.10,
    Fault.DROP_BEFORE: 0.02,
    Fault.CONFLICT: 0.03,
    Fault.THROTTLED: 0.03,
    Fault.SLOW: 0.05,
    Fault.BAD_GATEWAY: 0.02,
}
_WORKERS = 6
_TRIES = 40


class Killed(BaseException):
    """The process is gone: nothing runs after it."""


@dataclass
class MortalServer:
    """The real server's client of one worker that dies now and then, right before or after a transaction."""

    server: Any
    dice: random.Random
    chance: float
    dead: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    async def transaction(self, bundle: Resource) -> Resource:
        roll = self.dice.random()
        if roll < self.chance / 2:
            self.dead = True
            raise Killed
        answer: Resource = await self.server.transaction(bundle)
        if roll < self.chance:
            self.dead = True
            raise Killed
        return answer


@dataclass
class Storm:
    """What happened."""

    evaluations: int
    seen: Counter[str] = field(default_factory=Counter)
    tries: int = 0
    deaths: int = 0
    wrong: list[str] = field(default_factory=list)  #: reports that do not have exactly what they should


async def storm(url: str, folder: Path, *, evaluations: int, seed: int, deaths: float = 0.06) -> Storm:
    """Publish `evaluations` evaluations of reports that are filed, amended and withdrawn; then count what stands."""
    told = Storm(evaluations)
    async with site(url) as place, fault_proxy(url, random_faults(seed, FAULTS)) as proxy:
        proxy.slow_s = 0.05
        stories = await _stories(place, evaluations, seed)
        queue = list(enumerate(stories))

        async def work(number: int) -> None:
            async with Worker(proxy.url, folder, random.Random(seed * 1000 + number), deaths, told) as worker:
                while queue:
                    index, story = queue.pop()
                    for step in story:
                        for _ in range(2 if index % 3 == 0 else 1):
                            await worker.publish(step)

        await asyncio.gather(*(work(n) for n in range(_WORKERS)))
        told.seen = proxy.seen
        told.wrong = await _audit(place, stories)
    return told


async def naive_storm(url: str, *, evaluations: int, seed: int) -> Storm:
    """The control: the same faults, no ledger; a lost answer is simply sent again."""
    told = Storm(evaluations)
    tables = load_tables()
    async with site(url) as place, fault_proxy(url, random_faults(seed, FAULTS)) as proxy:
        connection = connect(FhirSettings(base_url=proxy.url), clock=WallClock())
        stories = await _stories(place, evaluations, seed)
        for story in stories:
            for step in story:
                made = build_set(step, tables, WriteOptions(software="test", server_url=url))
                assert made is not None
                entries = [
                    {
                        "fullUrl": f"urn:uuid:{r['identifier'][0]['value']}",
                        "resource": {k: v for k, v in r.items() if k != "device"},
                        "request": {"method": "POST", "url": r["resourceType"]},
                    }
                    for r in made.slots.values()
                ]
                for _ in range(_TRIES):
                    try:
                        await connection.client.transaction(
                            {"resourceType": "Bundle", "type": "transaction", "entry": entries}
                        )
                        break
                    except EmhError:
                        continue
        await connection.close()
        told.wrong = await _audit(place, stories)
    return told


async def _stories(place: Site, evaluations: int, seed: int) -> list[list[Assessment]]:
    """Reports with their versions in order, `evaluations` in all."""
    dice = random.Random(seed)
    patients = [await place.patient() for _ in range(8)]
    stories: list[list[Assessment]] = []
    left = evaluations
    while left > 0:
        patient = dice.choice(patients)
        report = await place.report(patient)
        story = [assessment(report=report, patient=patient, masses=dice.choice((0, 1, 1, 2)))]
        if dice.random() < 0.35 and left > 1:
            story.append(
                assessment(
                    report=report, patient=patient, version="2", masses=1, tier=dice.choice((Tier.STRONG, Tier.LIMITED))
                )
            )
        if dice.random() < 0.25 and left > len(story):
            story.append(withdrawn(report=report, patient=patient, version=str(len(story) + 1)))
        stories.append(story)
        left -= len(story)
    return stories


class Worker:
    """One process of the service: it lives until it is killed, then another one starts on the same data store."""

    def __init__(self, url: str, folder: Path, dice: random.Random, deaths: float, told: Storm) -> None:
        self.url, self.folder, self.dice, self.deaths, self.told = url, folder, dice, deaths, told
        self.life = AsyncExitStack()

    async def __aenter__(self) -> "Worker":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.life.aclose()

    async def start(self) -> None:
        await self.life.aclose()
        mortal: list[MortalServer] = []

        def wrap(server: Any) -> MortalServer:
            mortal.append(MortalServer(server, self.dice, self.deaths))
            return mortal[0]

        self.bench = await self.life.enter_async_context(
            bench(self.url, self.folder / "storm.sqlite", wrap=wrap, lease_s=2.0)
        )
        # The dead write nothing more, whatever their code still tries.
        self.bench.publisher.database = _Mortal(self.bench.database, mortal[0])  # type: ignore[assignment]  # stand-in

    async def publish(self, step: Assessment) -> None:
        """As the inbox does: again and again while the error says that it may help."""
        assert step.focus is not None
        notification = event(step.focus.partition("/")[2])
        for _ in range(_TRIES):
            self.told.tries += 1
            try:
                await self.bench.publisher.publish(step, notification)
                return
            except Killed:
                self.told.deaths += 1
                await self.start()
            except EmhError as error:
                assert error.retry in (RetryClass.TRANSIENT, RetryClass.UNKNOWN_OUTCOME)
                await asyncio.sleep(0.3)
        raise AssertionError("an evaluation was never written")


@dataclass
class _Mortal:
    """The data store of a worker that may be dead: the dead write nothing."""

    database: Any
    server: MortalServer
    dialect: str = "sqlite"

    async def read(self, work: Any) -> Any:
        return await self.database.read(work)

    async def write(self, work: Any) -> Any:
        if self.server.dead:
            raise Killed
        return await self.database.write(work)


async def _audit(place: Site, stories: list[list[Assessment]]) -> list[str]:
    """Reports that do not have exactly their last evaluation: each place once, and nothing else current."""
    standing = {patient: await place.results(patient) for patient in place.patients}
    wrong = []
    for story in stories:
        made = build_set(story[-1], load_tables(), WriteOptions(software="test", server_url=place.url))
        assert made is not None and story[-1].patient is not None
        uri = f"{made.focus}/_history/"
        results = standing[story[-1].patient.partition("/")[2]]
        mine = [r for r in results if any(str(x.get("valueUri", "")).startswith(uri) for x in r.get("extension", ()))]
        current = [r for r in mine if r["status"] != "entered-in-error"]
        expected = Counter(r["identifier"][0]["value"] for r in made.slots.values())
        whole = Counter(r["identifier"][0]["value"] for r in current) == expected
        newest = all(r["identifier"][1]["value"] == made.evaluation for r in current)
        once = max(Counter(r["identifier"][0]["value"] for r in mine).values(), default=0) == 1
        if not (whole and newest and once):
            wrong.append(made.focus)
    return wrong
