"""A filed report to its results on the server: what the service adds to the server's own time.

The server costs almost nothing (`fast_server`), so the whole latency is what the service adds, its HTTP client and its
waiting for a place in the process included. Measured are the write-back alone (build, validate, ledger, one request)
and all stages after the inbox (fetch, read, decide, write). With `EMHWATCH_TEST_FHIR_URL` the same on real HAPI at a
rate that it can bear: there the server's own time is the time in which a request of the event was out.
"""

import asyncio
import contextvars
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvloop

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from emhwatch.assess.evaluate import SiteOptions, evaluate  # noqa: E402 - run as a script, the root is not on the path
from emhwatch.cds.history import CardHistory  # noqa: E402
from emhwatch.cds.warm import warm  # noqa: E402
from emhwatch.chart.fetch import ServerChartFetcher  # noqa: E402
from emhwatch.demo.hapi import free_port  # noqa: E402
from emhwatch.demo.patients import demo_patients, with_subject  # noqa: E402
from emhwatch.fhir.client import FhirClient  # noqa: E402
from emhwatch.fhir.exchange import Exchange  # noqa: E402
from emhwatch.pipeline import Pipeline  # noqa: E402
from emhwatch.tables.load import load_tables  # noqa: E402
from tests.publish.bench import bench, event  # noqa: E402
from tests.support.site import WallClock  # noqa: E402

_OUT: contextvars.ContextVar[list[tuple[float, float]] | None] = contextvars.ContextVar("out", default=None)


@dataclass
class Run:
    """Figures of one load."""

    total_ms: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)

    def line(self, name: str) -> str:
        cuts = statistics.quantiles(self.total_ms, n=100)
        return (
            f"  {name:34} n={len(self.total_ms):4}  p50 {cuts[49]:6.1f} ms  p95 {cuts[94]:6.1f} ms  "
            f"p99 {cuts[98]:6.1f} ms  requests an event {statistics.mean(self.requests):4.1f}"
        )

    def beyond(self, name: str) -> str:
        added = [total - server for total, server in zip(self.total_ms, self.server_ms, strict=True)]
        server = statistics.median(self.server_ms)
        added_ms = statistics.median(added)
        return f"  {name:34} n={len(added):4}  p50 beyond the server's time {added_ms:.1f} ms (server {server:.1f} ms)"


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


async def load(url: str, *, rate: float, seconds: float, write_only: bool = False) -> Run:
    """Open loop: an event is due every 1/rate seconds, whether or not those before are done."""
    tables = load_tables()
    warm(tables)  # as `emhwatch serve` does
    with tempfile.TemporaryDirectory() as folder:
        async with bench(url, Path(folder) / "s.sqlite", observers=[watch], timeout_s=60.0) as it:
            client = it.publisher.server
            assert isinstance(client, FhirClient)
            reports = await file_patients(client, int(rate * seconds) + 8)
            history = CardHistory(it.database)
            fetcher = ServerChartFetcher(client, tables)
            options = SiteOptions()
            pipeline = Pipeline(
                fetcher=fetcher,
                history=history,
                publisher=it.publisher,
                tables=tables,
                clock=WallClock(),
                options=options,
            )

            async def decided(report: str) -> Callable[[], Awaitable[object]]:
                if not write_only:
                    return lambda: pipeline.run(event(report))
                (data, *_) = await fetcher.fetch(event(report))
                assessment = evaluate(
                    data.resources, focus=data.focus, patient=data.patient, now=WallClock().now(), tables=tables
                )
                return lambda: it.publisher.publish(assessment, event(report))

            steps = [await decided(report) for report in reports]
            run = Run()
            for step in steps[:8]:  # tables parsed, Device made, connections open
                await measured(step, run)
            run = Run()
            begun, tasks = time.perf_counter(), []
            for number, step in enumerate(steps[8:]):
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                tasks.append(asyncio.create_task(measured(step, run)))
            await asyncio.gather(*tasks)
    return run


async def measured(step: Callable[[], Awaitable[object]], run: Run) -> None:
    out: list[tuple[float, float]] = []
    _OUT.set(out)
    started = time.perf_counter()
    await step()
    run.total_ms.append((time.perf_counter() - started) * 1000)
    run.server_ms.append(union_ms(out))
    run.requests.append(len(out))


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
        print("write-back, one process (target: p50 under 25 ms at 40 events/s)")
        print(uvloop.run(load(url, rate=40, seconds=10, write_only=True)).line("write-back alone at 40/s"))
        for rate in (10, 20, 40):
            print(uvloop.run(load(url, rate=rate, seconds=10)).line(f"all stages after the inbox at {rate}/s"))
    finally:
        server.terminate()
        server.wait()
    if hapi := os.environ.get("EMHWATCH_TEST_FHIR_URL"):
        print(uvloop.run(load(hapi, rate=2, seconds=10)).beyond("all stages, HAPI at 2/s"))


if __name__ == "__main__":
    main()
