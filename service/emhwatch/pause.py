"""Waiting between two rounds of a background loop."""

import asyncio


async def pause(seconds: float, *events: asyncio.Event) -> None:
    """Return when one of the events is set, or after the time."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def backoff_s(failures: int, *, first_s: float = 1.0, most_s: float) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(most_s, first_s * 2.0 ** min(failures - 1, 30))
