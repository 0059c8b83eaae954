"""Claims on a long backlog: the time and the memory must not grow with what waits."""

import asyncio
import statistics
import time
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, insert, text

from emhwatch.inbox import settle
from emhwatch.inbox.claim import claim
from emhwatch.inbox.schema import DONE, WAITING, event, lane
from emhwatch.store.database import Database, open_database
from emhwatch.store.schema import now_ms

_CLAIMS, _AT_ONCE = 300, 8
_EVENTS_A_LANE = 5


def backlog(name: str, url: str, sizes: tuple[int, ...]) -> None:
    """Print a line a size, and how the last compares with the first."""
    medians = []
    for size in sizes:
        claims, settles, grown_mb = asyncio.run(_measure(url, size))
        medians.append(statistics.median(claims))
        print(
            f"  {name:10} {size:9} waiting         claim of {_AT_ONCE} p50 {medians[-1]:6.2f} ms, p99 "
            f"{sorted(claims)[int(len(claims) * 0.99)]:6.2f} ms; finish p50 {statistics.median(settles):6.2f} ms; "
            f"memory grows by {grown_mb:.1f} MB",
            flush=True,
        )
    print(f"  {name:10} {sizes[-1]} beside {sizes[0]}     {medians[-1] / medians[0]:.2f} times", flush=True)


async def _measure(url: str, size: int) -> tuple[list[float], list[float], float]:
    database = await asyncio.to_thread(open_database, url)
    try:
        await database.write(lambda c: _fill(c, size))
        if database.dialect == "postgresql":
            await database.write(lambda c: c.execute(text("ANALYZE inbox_event, inbox_lane")) and None)
        await _round(database)  # warm
        claims, settles, before = [], [], _resident_mb()
        for _ in range(_CLAIMS // _AT_ONCE if size <= 1000 else _CLAIMS):
            claimed, settled = await _round(database)
            claims.append(claimed)
            settles.append(settled)
        return claims, settles, _resident_mb() - before
    finally:
        await database.close()


async def _round(database: Database) -> tuple[float, float]:
    started = time.perf_counter()
    leases = await database.write(lambda c: claim(c, owner="bench", limit=_AT_ONCE, lease_ms=60_000, max_starts=9))
    claimed = time.perf_counter()
    if len(leases) != _AT_ONCE:
        raise RuntimeError(f"claimed {len(leases)}")
    await asyncio.gather(*[database.write(lambda c, it=it: settle.finish(c, it, DONE)) for it in leases])  # type: ignore[misc]
    return (claimed - started) * 1000, (time.perf_counter() - claimed) * 1000


def _fill(connection: Connection, size: int) -> None:
    """Fresh tables with `size` waiting events, some of each patient."""
    connection.execute(delete(lane))
    connection.execute(delete(event))
    fixed = {
        "server": "default",
        "resource_type": "DiagnosticReport",
        "version": "1",
        "version_number": 1,
        "deleted": False,
        "source": "hook",
        "state": WAITING,
        "attempts": 0,
    }
    for start in range(0, size, 5000):
        numbers = range(start, min(start + 5000, size))
        patients = [(number, f"default|Patient/{number * 7919 % size // _EVENTS_A_LANE}") for number in numbers]
        connection.execute(
            insert(event).values(accepted=now_ms(), **fixed, resource_id=bindparam("ident"), lane=bindparam("of")),
            [{"ident": f"r{size}-{number}", "of": patient} for number, patient in patients],
        )
    connection.execute(
        text(
            "INSERT INTO inbox_lane (lane, due, token, touched)"
            " SELECT lane, min(accepted), 0, 0 FROM inbox_event GROUP BY lane"
        )
    )


def _resident_mb() -> float:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
