"""The inbox through the real HTTP endpoint: how much a second is durable, how fast it is done, beside procrastinate.

    python tests/benchmarks/inbox/bench_inbox.py [PART ...] [--backlog N] [--seconds S] [--rounds R]

Parts: `sqlite`, `postgresql` (with the peer, in turn), `latency` (events at 40/s to their end, with the peer), `idle`,
`backlog`; none named: all, with a backlog of 100,000 (`--backlog 1000000` is the long form, some minutes more).
`EMHWATCH_BENCH_PROCRASTINATE`: a Python that has procrastinate, starlette, uvicorn, uvloop, httptools and orjson;
without it the peer is left out. `EMHWATCH_TEST_POSTGRES_URL`: a server to use; otherwise one is started.

The load runs in a process of its own beside the service on the same machine; its share of a core is printed.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE)]

from backlog import backlog  # noqa: E402 - run as a script, its folder is not on the path of the packages

from emhwatch.demo.hapi import free_port  # noqa: E402
from tests.support.postgres import Cluster, running_cluster  # noqa: E402

SECRET = "bench"
CONNECTIONS, RATE = 32, 40
TICKS = os.sysconf("SC_CLK_TCK")
PEER = os.environ.get("EMHWATCH_BENCH_PROCRASTINATE", "")


@dataclass(frozen=True)
class Load:
    """What one run of the load found."""

    rate: float
    p50_ms: float
    p99_ms: float
    refused: int
    cpu_share: float
    memory_mb: float

    def line(self, name: str, servers_cpu: float) -> str:
        return (
            f"  {name:34} {self.rate:7.0f}/s  p50 {self.p50_ms:6.1f} ms  p99 {self.p99_ms:6.1f} ms  refused "
            f"{self.refused}  CPU: service {servers_cpu:4.2f} cores, load {self.cpu_share:4.2f}"
        )


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of a process."""
    line = next(x for x in Path(f"/proc/{process.pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextlib.contextmanager
def started(commands: list[list[str]], ports: list[int], **environ: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that listen on these ports; ended by SIGTERM."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EMHWATCH_")} | environ
    processes = []
    try:
        for command, port in zip(commands, ports, strict=True):
            own = environment | {"EMHWATCH_WEB_PORT": str(port)} if environ else environment
            processes.append(subprocess.Popen(command, env=own, cwd=HERE.parents[2]))
        for port, process in zip(ports, processes, strict=True):
            answers(port, process)
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def answers(port: int, process: subprocess.Popen[bytes], path: str = "/livez") -> None:
    """Wait until the process answers HTTP at all."""
    for _ in range(1200):
        if process.poll() is not None:
            raise RuntimeError("a measured process ended at its start")
        with contextlib.suppress(OSError):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
            except urllib.error.HTTPError as error:
                error.close()
            return
        time.sleep(0.05)
    raise RuntimeError("a measured process does not answer")


@contextlib.contextmanager
def services(url: str, count: int, kind: str) -> Iterator[tuple[list[int], list[subprocess.Popen[bytes]]]]:
    """Replicas of the service on one data store, and a FHIR server that costs nothing."""
    fhir, ports = free_port(), [free_port() for _ in range(count)]
    server = subprocess.Popen([sys.executable, HERE.parent / "publish" / "fast_server.py", str(fhir)])
    environ = {
        "EMHWATCH_STORE_URL": url,
        "EMHWATCH_FHIR_BASE_URL": f"http://127.0.0.1:{fhir}/fhir",
        "EMHWATCH_INTAKE_SECRET": SECRET,
        "EMHWATCH_INTAKE_MODE": "rest-hook",
        "EMHWATCH_PUBLISH_AUDIT": "off",
        "EMHWATCH_TELEMETRY_LOG_LEVEL": "WARNING",
    }
    try:
        answers(fhir, server, "/fhir/metadata")
        with started([[sys.executable, str(HERE / "served.py"), kind]] * count, ports, **environ) as processes:
            yield ports, processes
    finally:
        server.terminate()
        server.wait(30)


@contextlib.contextmanager
def peers(url: str, count: int, kind: str) -> Iterator[tuple[list[int], list[subprocess.Popen[bytes]]]]:
    """Replicas of the peer on one database."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    program, ports = [PEER, str(HERE / "procrastinate_peer.py")], [free_port() for _ in range(count)]
    subprocess.run([*program, "schema", "0", dsn], check=True)
    with started([[*program, kind, str(port), dsn] for port in ports], ports) as processes:
        yield ports, processes


def run(
    ports: list[int], processes: list[subprocess.Popen[bytes]], *, seconds: float, rate: float = 0
) -> tuple[Load, float]:
    """The load on these ports; with it the cores that the processes took."""
    command = [sys.executable, str(HERE / "load.py"), ",".join(map(str, ports)), str(CONNECTIONS)]
    subprocess.run([*command, "1", str(rate), SECRET], check=True, stdout=subprocess.DEVNULL)  # warm
    before, at = [cpu_s(process) for process in processes], time.perf_counter()
    done = subprocess.run([*command, str(seconds), str(rate), SECRET], check=True, stdout=subprocess.PIPE)
    used = sum(cpu_s(process) for process in processes) - sum(before)
    return Load(**json.loads(done.stdout)), used / (time.perf_counter() - at)


def stored(url: str, table: str) -> int:
    """Rows of a table."""
    return int(rows(url, f"SELECT count(*) FROM {table}")[0])


def rows(url: str, statement: str) -> list[float]:
    """First column of a query."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return list(connection.scalars(text(statement)))
    finally:
        engine.dispose()


def accepted(name: str, url: str, count: int, seconds: float) -> Load:
    """Our endpoint in a closed loop."""
    with services(url, count, "accept") as (ports, processes):
        before = stored(url, "inbox_event")
        found, cpu = run(ports, processes, seconds=seconds)
        held = stored(url, "inbox_event") - before
    print(found.line(name, cpu), flush=True)
    if held < found.rate * seconds * 0.99:
        raise RuntimeError(f"answered {found.rate * seconds:.0f}, stored {held}")
    return found


def peer_accepted(url: str, count: int, seconds: float) -> Load:
    """The peer's endpoint in a closed loop."""
    with peers(url, count, "accept") as (ports, processes):
        found, cpu = run(ports, processes, seconds=seconds)
    print(found.line(f"procrastinate, {count} replicas", cpu), flush=True)
    return found


def measure_postgresql(cluster: Cluster, seconds: float, rounds: int) -> None:
    """We and the peer in turn on the same cluster."""
    ours, theirs = [], []
    for _ in range(rounds):
        with cluster.database() as url:
            ours.append(accepted("PostgreSQL, 2 replicas", url, 2, seconds).rate)
        if PEER:
            with cluster.database() as url:
                theirs.append(peer_accepted(url, 2, seconds).rate)
    if theirs:
        print(f"  accept rate beside procrastinate   {statistics.median(ours) / statistics.median(theirs):.1f} times")


def measure_latency(cluster: Cluster, seconds: float) -> None:
    """Request sent to event done, by the clock of the machine; one process that accepts and works."""
    spent = "SELECT finished - CAST(split_part(resource_id, '-', 1) AS bigint) FROM inbox_event WHERE state = 'done'"
    with cluster.database() as url:
        with services(url, 1, "work") as (ports, processes):
            _, cpu = run(ports, processes, seconds=seconds, rate=RATE)
        print_latency("PostgreSQL, one process", rows(url, spent), cpu)
    if PEER:
        spent = (
            "SELECT EXTRACT(EPOCH FROM e.at) * 1000 - CAST(split_part(split_part(j.queueing_lock, '/', 2), '-', 1)"
            " AS bigint) FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id"
            " WHERE e.type = 'succeeded'"
        )
        with cluster.database() as url:
            with peers(url, 1, "work") as (ports, processes):
                _, cpu = run(ports, processes, seconds=seconds, rate=RATE)
            print_latency("procrastinate, one process", rows(url, spent), cpu)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/s.sqlite"
        with services(url, 1, "work") as (ports, processes):
            _, cpu = run(ports, processes, seconds=seconds, rate=RATE)
        spent = (
            "SELECT finished - CAST(substr(resource_id, 1, instr(resource_id, '-') - 1) AS INTEGER) FROM inbox_event"
            " WHERE state = 'done'"
        )
        print_latency("SQLite, one process", rows(url, spent), cpu)


def print_latency(name: str, spent_ms: list[float], cpu: float) -> None:
    """One line of event to done."""
    cuts = statistics.quantiles([float(ms) for ms in spent_ms], n=100)
    print(
        f"  {name:34} n={len(spent_ms):5}  p50 {cuts[49]:6.1f} ms  p95 {cuts[94]:6.1f}  p99 {cuts[98]:6.1f}"
        f"  CPU {cpu * 100:.1f} % of a core",
        flush=True,
    )


def measure_idle(cluster: Cluster, seconds: float) -> None:
    """The whole service with nothing to do."""
    with tempfile.TemporaryDirectory() as folder, cluster.database() as postgres:
        for name, url in (("SQLite", f"sqlite:///{folder}/s.sqlite"), ("PostgreSQL", postgres)):
            with services(url, 1, "work") as (_, (process,)):
                time.sleep(3)
                before = cpu_s(process)
                time.sleep(seconds)
                used = (cpu_s(process) - before) / seconds * 100
                print(f"  {name:34} {used:.2f} % of a core, {memory_mb(process):.0f} MB", flush=True)


def measure_backlog(cluster: Cluster, many: int) -> None:
    """Claims with a short and a long backlog in the same run."""
    with tempfile.TemporaryDirectory() as folder, cluster.database() as postgres:
        for name, url in (("SQLite", f"sqlite:///{folder}/s.sqlite"), ("PostgreSQL", postgres)):
            backlog(name, url, (1000, many))


def main() -> None:
    """Everything that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = ("sqlite", "postgresql", "latency", "idle", "backlog")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(kinds))
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    parts = given.parts or kinds
    if not PEER:
        print("  EMHWATCH_BENCH_PROCRASTINATE is not set: measured without the peer")
    with contextlib.ExitStack() as stack:
        named = os.environ.get("EMHWATCH_TEST_POSTGRES_URL")
        cluster = Cluster(named) if named else stack.enter_context(running_cluster())
        for part in parts:
            print(part, flush=True)
            if part == "sqlite":
                for _ in range(given.rounds):
                    with tempfile.TemporaryDirectory() as folder:
                        accepted("SQLite, one process", f"sqlite:///{folder}/s.sqlite", 1, given.seconds)
            elif part == "postgresql":
                measure_postgresql(cluster, given.seconds, given.rounds)
            elif part == "latency":
                measure_latency(cluster, given.seconds)
            elif part == "idle":
                measure_idle(cluster, max(20.0, given.seconds))
            elif part == "backlog":
                measure_backlog(cluster, given.backlog)
            else:
                parser.error(f"no part is called {part}")


if __name__ == "__main__":
    main()
