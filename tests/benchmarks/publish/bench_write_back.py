"""A filed report to its results on the server, 40 a second: what the service adds to the server's own time.

The measured stages are those after the inbox: fetch, read, decide, build, validate, ledger, write. The server's own
time is the union of the intervals in which a request of the event was out. A server that costs almost nothing shows
what the service adds; real HAPI (`EMHWATCH_TEST_FHIR_URL`, else none) shows requests and server time of one write-back.
"""

import asyncio
import contextvars
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from emhwatch.assess.evaluate import SiteOptions  # noqa: E402 - run as a script, the root is not on the path
from emhwatch.cds.history import CardHistory  # noqa: E402
from emhwatch.chart.fetch import ServerChartFetcher  # noqa: E402
from emhwatch.demo.hapi import free_port  # noqa: E402
from emhwatch.demo.patients import demo_patients, with_subject  # noqa: E402
from emhwatch.fhir.client import FhirClient  # noqa: E402
from emhwatch.fhir.exchange import Exchange  # noqa: E402
from emhwatch.pipeline import Pipeline  # noqa: E402
from emhwatch.tables.load import load_tables  # noqa: E402
from tests.publish.bench import bench, event  # noqa: E402
from tests.support.site import WallClock  # noqa: E402

RATE, SECONDS = 40, 15
_OUT: contextvars.ContextVar[list[tuple[float, float]] | None] = contextvars.ContextVar("out", default=None)


@dataclass
class Run:
    """Figures of one load."""

    total_ms: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)

    def lines(self, name: str) -> str:
        added = sorted(t - s for t, s in zip(self.total_ms, self.server_ms, strict=True))
        cuts = statistics.quantiles(added, n=100)
        return (
            f"  {name:14} n={len(added)}  beyond the server's time: p50 {cuts[49]:.1f} ms  p95 {cuts[94]:.1f} ms  "
            f"p99 {cuts[98]:.1f} ms | total p50 {statistics.median(self.total_ms):.1f} ms | "
            f"server p50 {statistics.median(self.server_ms):.1f} ms | requests an event {statistics.mean(self.requests):.1f}"
        )


def watch(exchange: Exchange) -> None:
    out = _OUT.get()
    if out is not None:
        now = time.perf_counter()
        out.append((now - exchange.seconds, now))


def union_ms(intervals: list[tuple[float, float]]) -> float:
    total, end = 0.0, 0.0
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total * 1000


async def file_patients(client: FhirClient, count: int) -> list[str]:
    """Reports of `count` patients, the demo patients in turn."""
    reports = []
    models = demo_patients()
    for number in range(count):
        model = models[number % len(models)]
        patient = f"Patient/{(await client.create(model.patient))['id']}"
        for resource in (*model.chart, *model.studies):
            await client.create(with_subject(resource, patient))
        for resource in model.reports:
            report = (await client.create(with_subject(resource, patient)))["id"]
        reports.append(report)
    return reports


async def load(url: str, *, rate: float, seconds: float) -> Run:
    run = Run()
    tables = load_tables()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.sqlite"
        async with bench(url, store, observers=[watch], timeout_s=60.0) as it:
            client = it.publisher.server
            assert isinstance(client, FhirClient)
            reports = await file_patients(client, int(rate * seconds) + 8)
            pipeline = Pipeline(
                fetcher=ServerChartFetcher(client, tables),
                history=CardHistory(it.database),
                publisher=it.publisher,
                tables=tables,
                clock=WallClock(),
                options=SiteOptions(),
            )

            async def one(report: str) -> None:
                out: list[tuple[float, float]] = []
                _OUT.set(out)
                started = time.perf_counter()
                await pipeline.run(event(report))
                run.total_ms.append((time.perf_counter() - started) * 1000)
                run.server_ms.append(union_ms(out))
                run.requests.append(len(out))

            for report in reports[:8]:  # tables parsed, Device made, connections open
                await one(report)
            run = Run()
            begun, tasks = time.perf_counter(), []
            for number, report in enumerate(reports[8:]):
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                tasks.append(asyncio.create_task(one(report)))
            await asyncio.gather(*tasks)
    return run


def main() -> None:
    port = free_port()
    server = subprocess.Popen([sys.executable, str(HERE / "fast_server.py"), str(port)])
    try:
        url = f"http://127.0.0.1:{port}/fhir"
        for _ in range(100):
            try:
                httpx.get(f"{url}/Patient", timeout=1.0)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        print(f"write-back at {RATE} events/s for {SECONDS} s (target: p50 beyond the server's time under 25 ms)")
        print(asyncio.run(load(url, rate=RATE, seconds=SECONDS)).lines("fast server"))
    finally:
        server.terminate()
        server.wait()
    if hapi := os.environ.get("EMHWATCH_TEST_FHIR_URL"):
        print(asyncio.run(load(hapi, rate=2, seconds=10)).lines("HAPI at 2/s"))


if __name__ == "__main__":
    main()
