"""Waiting between two rounds of a background loop."""

import asyncio


async def pause(seconds: float, *events: asyncio.Event) -> None:
    """Return when one of the events is set, or after the time."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
