"""What else ends in a hospital: a replica, a clock, a data store, a disk, a network, a FHIR server, the service itself.

Nothing that was accepted or filed is lost, nothing is written twice, order holds, and the log says it in words.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from emhwatch.demo.embedded import running_embedded
from emhwatch.demo.hapi import build_launcher, free_port, hapi_command, stop_process, wait_until_ready
from emhwatch.inbox.schema import event, lane
from emhwatch.store.database import open_database
from tests.proofs.dying import LEASE_S
from tests.proofs.hospital import Hospital, Serving, hospital, settled
from tests.support.fault_proxy import Fault, fault_proxy, random_faults
from tests.support.postgres import running_cluster
from tests.support.site import TAG

AWAY = "The FHIR server could not be reached."
FULL = "The disk of the data store is full."
STORE_AWAY = {"The connection to the data store was lost.", "The data store does not answer."}


@pytest.fixture(scope="module")
def fhir() -> Iterator[str]:
    with running_embedded({"subscriptions": {"enabled": False}}) as url:
        yield url


@asynccontextmanager
async def busy(there: Hospital, *, senders: int = 4) -> AsyncIterator[None]:
    """Reports are filed and told until the block ends."""
    async with httpx.AsyncClient() as http, asyncio.TaskGroup() as group:
        for _ in range(senders):
            group.create_task(there.work(http))
        yield
        there.stop = True


async def held_by(store: str, owner: str) -> list[int]:
    """Events that a process has in work now."""
    database = await asyncio.to_thread(open_database, store)
    try:
        found = select(lane.c.event_id).where(lane.c.owner == owner, lane.c.event_id.is_not(None))
        return list(await database.read(lambda c: c.scalars(found).all()))
    finally:
        await database.close()


async def finished_at(store: str, ids: list[int]) -> dict[int, int | None]:
    """When events were finished, in ms of the data store's clock."""
    database = await asyncio.to_thread(open_database, store)
    try:
        found = select(event.c.id, event.c.finished).where(event.c.id.in_(ids))
        return {ident: at for ident, at in await database.read(lambda c: c.execute(found).all())}  # noqa: C416 - typed rows
    finally:
        await database.close()


@pytest.mark.postgres
async def test_h29_another_replica_does_the_work_of_a_dead_one(fhir: str, postgres_url: str, tmp_path: Path) -> None:
    with (
        Serving(fhir, postgres_url, tmp_path, words=["--as", "dying"]) as dying,
        Serving(fhir, postgres_url, tmp_path, words=["--as", "living"]) as living,
    ):
        async with hospital(fhir, dying, living, seed=71, patients=12) as there:
            await asyncio.gather(dying.start(), living.start())
            async with busy(there, senders=6):
                held: list[int] = []
                while not held:
                    await asyncio.sleep(0.3)
                    dying.send(signal.SIGSTOP)  # it stands still: what it holds now, it holds when it dies
                    held = await held_by(postgres_url, "dying")
                    if not held:
                        dying.send(signal.SIGCONT)
                dead_at = time.time() * 1000
                dying.end()
                there.stop = True
            assert await settled(postgres_url, there) == []
    late = {
        i: at
        for i, at in (await finished_at(postgres_url, held)).items()
        if at is None or at > dead_at + 1000 * (LEASE_S + 1)
    }
    assert late == {}


@pytest.mark.postgres
async def test_h29_clocks_of_replicas_ten_minutes_off(fhir: str, postgres_url: str, tmp_path: Path) -> None:
    early, late = ["--clock", "-600"], ["--clock", "600"]
    with (
        Serving(fhir, postgres_url, tmp_path, words=early) as one,
        Serving(fhir, postgres_url, tmp_path, words=late) as other,
    ):
        async with hospital(fhir, one, other, seed=72) as there:
            await asyncio.gather(one.start(), other.start())
            async with busy(there):
                await asyncio.sleep(1.5)
                one.end()
                await asyncio.sleep(1.0)
                await one.start()
                await asyncio.sleep(1.0)
            assert await settled(postgres_url, there) == []
    assert len(there.told) > 20


@pytest.mark.postgres
async def test_h29_postgresql_restarts(fhir: str, tmp_path: Path) -> None:
    with running_cluster() as cluster, cluster.database() as store, Serving(fhir, store, tmp_path) as serving:
        async with hospital(fhir, serving, seed=73) as there:
            await serving.start()
            async with busy(there):
                for _ in range(2):
                    await asyncio.sleep(1.0)
                    await asyncio.to_thread(cluster.restart)
                await asyncio.sleep(1.0)
            assert await settled(store, there) == []
    assert len(there.told) > 20
    assert serving.said() & STORE_AWAY


async def test_h29_the_disk_is_full(fhir: str, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/s.sqlite"
    with Serving(fhir, store, tmp_path) as serving:
        async with hospital(fhir, serving, seed=74) as there:
            await serving.start("--pages", "100")
            async with busy(there):
                async with asyncio.timeout(60):
                    while FULL not in serving.said():
                        await asyncio.sleep(0.2)
                await asyncio.sleep(1.0)
                told = len(there.told)
                serving.end(signal.SIGTERM)
                await serving.start()
                await asyncio.sleep(1.5)
            assert await settled(store, there) == []
    assert len(there.told) > told > 0  # some before the disk was full, and on again afterwards


async def test_h29_answers_are_cut_in_the_middle(fhir: str, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/s.sqlite"
    async with fault_proxy(fhir, random_faults(75, {Fault.CUT: 0.15}, only="GET POST PUT")) as proxy:
        with Serving(proxy.url, store, tmp_path) as serving:
            async with hospital(fhir, serving, seed=75) as there:
                await serving.start()
                async with busy(there):
                    await asyncio.sleep(4.0)
                assert await settled(store, there) == []
        assert proxy.seen[Fault.CUT] > 10


async def downtime(fhir: str, folder: Path, *, reports: int) -> list[str]:
    """The service is away while reports are filed; a server that notifies nobody has to be searched."""
    store = f"sqlite:///{folder}/s.sqlite"
    async with hospital(fhir, seed=76, patients=max(6, reports // 10)) as there, httpx.AsyncClient() as http:
        found = {"EMHWATCH_INTAKE_TAG": f"{TAG}|{there.site.tag}", "EMHWATCH_INTAKE_POLL_S": "0.5"}
        with Serving(fhir, store, folder, environ=found) as serving:
            await serving.start()
            await there.work(http, reports=3)
            assert await settled(store, there) == []
            serving.end()
            await asyncio.gather(*(there.work(http, reports=reports // 4) for _ in range(4)))
            await serving.start()
            return await settled(store, there)


async def test_h29_the_service_was_down_while_reports_were_filed(fhir: str, tmp_path: Path) -> None:
    assert await downtime(fhir, tmp_path, reports=40) == []


@pytest.mark.soak
@pytest.mark.hapi
async def test_h29_the_service_was_down_for_ten_minutes(hapi: str, tmp_path: Path) -> None:
    assert await downtime(hapi, tmp_path, reports=1200) == []


class Restarting:
    """A HAPI on a file: what it has answered for is there after a restart, its queue of notifications is not."""

    def __init__(self, folder: Path) -> None:
        build_launcher()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/fhir"
        self._url = f"jdbc:h2:file:{folder}/hapi;WRITE_DELAY=0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers."""
        command = hapi_command(self.port, {"jdbc.url": self._url, "jdbc.ddl": "update"})
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until_ready(self.url, self._process)

    def end(self) -> None:
        """As an administrator does it; what is queued in memory is gone."""
        if self._process is not None:
            stop_process(self._process)
            self._process = None


@pytest.fixture
def restarting(tmp_path: Path) -> Iterator[Restarting]:
    server = Restarting(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.end()


async def restarted(server: Restarting, folder: Path, *, reports: int) -> tuple[list[str], Serving]:
    """Only HAPI's own notifications and our searches bring the reports in; HAPI restarts while they are filed."""
    store = f"sqlite:///{folder}/s.sqlite"
    async with hospital(server.url, seed=77) as there, httpx.AsyncClient() as http:
        mode = {"EMHWATCH_INTAKE_MODE": "rest-hook", "EMHWATCH_INTAKE_TAG": f"{TAG}|{there.site.tag}"}
        with Serving(server.url, store, folder, environ=mode) as serving:
            serving.environ["EMHWATCH_INTAKE_PUBLIC_URL"] = serving.url
            await serving.start()
            senders = [asyncio.create_task(there.work(http, reports=reports // 4)) for _ in range(4)]
            await asyncio.sleep(reports / 40)
            await asyncio.to_thread(server.end)
            await asyncio.to_thread(server.start)
            await asyncio.gather(*senders)
            return await settled(store, there), serving


@pytest.mark.hapi
async def test_h29_hapi_restarts_while_reports_are_filed(restarting: Restarting, tmp_path: Path) -> None:
    wrong, serving = await restarted(restarting, tmp_path, reports=32)
    assert wrong == []
    assert AWAY in serving.said()


@pytest.mark.soak
@pytest.mark.hapi
async def test_h29_hapi_restarts_while_five_hundred_reports_are_filed(restarting: Restarting, tmp_path: Path) -> None:
    wrong, _ = await restarted(restarting, tmp_path, reports=500)
    assert wrong == []
