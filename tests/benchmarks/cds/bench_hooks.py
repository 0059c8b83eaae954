"""Load on the hooks: open loop at 100 requests a second over 32 connections, then a closed loop; peers alternate.

Every request brings another patient with a whole prefetch, and the whole evaluation is done each time.
`EMHWATCH_BENCH_HEALTHCHAIN`: a Python that has HealthChain 0.16.1 installed; then it is measured in the same run.
"""

import asyncio
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from tests.cds.hook_support import biopsy, chart, hook  # noqa: E402 - run as a script, the root is not on the path

CONNECTIONS, RATE, SECONDS, ROUNDS = 32, 100, 10, 2
_IDENT = "p-patient"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Run:
    """One measured load."""

    latency_ms: list[float] = field(default_factory=list)
    errors: int = 0
    cpu_ms: float = 0.0
    seconds: float = 0.0

    def line(self, name: str) -> str:
        cuts = statistics.quantiles(self.latency_ms, n=100) if len(self.latency_ms) > 1 else [0.0] * 99
        count = len(self.latency_ms)
        return (
            f"  {name:22} n={count:5}  p50 {cuts[49]:7.2f} ms  p95 {cuts[94]:7.2f}  p99 {cuts[98]:7.2f}  "
            f"CPU {self.cpu_ms / max(count, 1):5.2f} ms/request  {count / self.seconds:6.0f}/s  errors {self.errors}"
        )


class Requests:
    """A new patient with every request."""

    def __init__(self) -> None:
        order = biopsy(subject={"reference": f"Patient/{_IDENT}"})
        context = {"patientId": _IDENT, "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]}}
        self.template = orjson.dumps(hook("order-sign", context=context) | {"prefetch": chart(_IDENT)})
        self._numbers = itertools.count()

    def next(self) -> bytes:
        return self.template.replace(_IDENT.encode(), f"p{next(self._numbers):08d}".encode())


class Connection:
    """One kept-alive HTTP/1.1 connection, one request at a time."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = f"POST {self._path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        headers = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(headers.partition("content-length:")[2].partition("\r\n")[0])
        return int(headers.split(" ", 2)[1]), await reader.readexactly(length)


async def open_loop(port: int, path: str, requests: Requests) -> Run:
    """Requests at fixed instants; latency counts from the instant, so that waiting for a connection is seen."""
    run, free = Run(), asyncio.Queue[Connection]()
    for _ in range(CONNECTIONS):
        free.put_nowait(Connection(port, path))
    start = time.perf_counter()

    async def one(number: int) -> None:
        due = start + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await free.get()
        status, content = await connection.post(requests.next())
        free.put_nowait(connection)
        run.latency_ms.append((time.perf_counter() - due) * 1000)
        run.errors += status != 200 or b'"cards":[]' in content

    await asyncio.gather(*(one(number) for number in range(RATE * SECONDS)))
    run.seconds = time.perf_counter() - start
    return run


async def closed_loop(port: int, path: str, requests: Requests) -> Run:
    """Every connection sends again as soon as it has its answer."""
    run, start = Run(), time.perf_counter()

    async def one() -> None:
        connection = Connection(port, path)
        while time.perf_counter() - start < SECONDS / 2:
            sent = time.perf_counter()
            status, content = await connection.post(requests.next())
            run.latency_ms.append((time.perf_counter() - sent) * 1000)
            run.errors += status != 200 or b'"cards":[]' in content

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    run.seconds = time.perf_counter() - start
    return run


def cpu_ms(process: int) -> float:
    """CPU of a process and its children so far, in ms."""
    total = 0
    for pid in [process, *children(process)]:
        try:
            total += sum(int(x) for x in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
        except OSError:
            continue
    return total * 1000 / TICKS


def children(process: int) -> list[int]:
    try:
        return [int(x) for x in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


class Peer:
    """A server process."""

    def __init__(self, name: str, command: list[str], path: str, env: dict[str, str] | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.name, self.path = name, path
        words = [word.replace("PORT", str(self.port)) for word in command]
        self._process = subprocess.Popen(words, env={**os.environ, **(env or {})}, cwd=HERE.parents[2])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{name} did not start")

    def measure(self, load: Any, requests: Requests) -> Run:
        before = cpu_ms(self._process.pid)
        run: Run = asyncio.run(load(self.port, self.path, requests))
        run.cpu_ms = cpu_ms(self._process.pid) - before
        return run

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)


def peers(folder: str, processes: int) -> list[Peer]:
    """All servers with so many processes each."""
    own = [sys.executable, str(HERE / "served.py")]
    made = [
        Peer("emhwatch", [*own, "emhwatch", "PORT", folder, str(processes)], "/cds-services/emh-order-sign"),
        Peer("framework, fixed card", [*own, "static", "PORT", folder, str(processes)], "/cds-services/x"),
    ]
    if python := os.environ.get("EMHWATCH_BENCH_HEALTHCHAIN"):
        other = [python, str(HERE / "healthchain_peer.py"), "PORT", str(processes)]
        made.append(Peer("HealthChain 0.16.1", other, "/cds/cds-services/emh"))
    return made


def alternate(load: Any, servers: list[Peer], requests: Requests, words: str) -> None:
    """Measure all in turn and print one line each."""
    print(f" {words}")
    merged = {peer.name: Run() for peer in servers}
    for _ in range(ROUNDS):
        for peer in servers:
            run = peer.measure(load, requests)
            total = merged[peer.name]
            total.latency_ms += run.latency_ms
            total.errors += run.errors
            total.cpu_ms += run.cpu_ms
            total.seconds += run.seconds
    for name, total in merged.items():
        print(total.line(name), flush=True)


def main() -> int:
    requests, cores = Requests(), os.cpu_count() or 1
    print(f"hooks, {len(requests.template) / 1024:.1f} KiB a request, {CONNECTIONS} connections, {cores} cores")
    loads = (
        (1, open_loop, f"open loop, {RATE} requests/s, one process"),
        (1, closed_loop, "closed loop, one process"),
        (cores, closed_loop, "closed loop, one process a core"),
    )
    for processes, load, words in loads:
        with tempfile.TemporaryDirectory() as folder:
            servers = peers(folder, processes)
            try:
                for peer in servers:
                    peer.measure(closed_loop, requests)  # warm
                alternate(load, servers, requests, words)
            finally:
                for peer in servers:
                    peer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
