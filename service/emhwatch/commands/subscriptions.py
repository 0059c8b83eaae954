"""Subscriptions of this installation at the FHIR server.

Examples:
  emhwatch subscriptions list        how they stand, when each was last heard, gaps, end, what is wrong
  emhwatch subscriptions create      make what is missing, repair what is off
  emhwatch subscriptions renew       put all anew, with a new end
  emhwatch subscriptions delete
"""

import argparse
import asyncio
import json
import os
from dataclasses import asdict

from emhwatch.bootstrap import WallClock, configured_watches
from emhwatch.errors import InputError
from emhwatch.fhir.connect import connect
from emhwatch.intake import ledger
from emhwatch.intake.assemble import subscriptions
from emhwatch.intake.report import Report, report
from emhwatch.intake.subscriptions import LIVE, Standing
from emhwatch.settings import Settings
from emhwatch.store.database import open_database
from emhwatch.tables.load import load_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions."""
    parser.add_argument("action", choices=("list", "create", "renew", "delete"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """0 done; 1 something is wrong with a Subscription."""
    settings = Settings.from_environ(os.environ)
    if arguments.action in ("create", "renew") and not settings.intake.secret:
        raise InputError(
            "The secret of the subscriptions is not set.",
            remedy="Set EMHWATCH_INTAKE_SECRET, here and for the service.",
        )
    return asyncio.run(_act(settings, arguments))


async def _act(settings: Settings, arguments: argparse.Namespace) -> int:
    tables = load_tables(settings.tables.dir, settings.tables.overlay)
    clock = WallClock()
    connection = connect(settings.fhir, clock=clock)
    try:
        ours = subscriptions(
            settings,
            client=connection.client,
            watches=configured_watches(settings, tables),
            clock=clock,
            secret=settings.intake.secret,
        )
        if arguments.action == "delete":
            print(f"{await ours.delete()} subscriptions deleted")
            return 0
        act = {"list": ours.standing, "create": ours.ensure, "renew": ours.renew}[arguments.action]
        standing = await act()
    finally:
        await connection.close()
    found = await _heard(settings, standing)
    for one in found:
        print(json.dumps(asdict(one)) if arguments.json else _line(one))
    if not found and not arguments.json:
        print("no subscriptions; `emhwatch subscriptions create` makes them")
    if arguments.action == "list":
        return int(any(one.problem for one in found))
    return int(any(one.status not in LIVE for one in found))  # nothing can have been heard yet


async def _heard(settings: Settings, standing: list[Standing]) -> list[Report]:
    database = await asyncio.to_thread(open_database, settings.store.url)
    try:
        lines = await database.read(lambda c: ledger.lines(c, settings.fhir.name))
    finally:
        await database.close()
    return report(standing, lines, {}, heartbeat_s=settings.intake.heartbeat_s)


def _line(one: Report) -> str:
    parts = [f"{one.status:<10} {one.kind:<10} {one.resource_type:<17} {one.reference}"]
    parts.append(f"heard {_ago(one.heard_s)}")
    if one.heartbeat_s is not None:
        parts.append(f"heartbeat {_ago(one.heartbeat_s)}")
    parts += [f"{number} {what}" for number, what in ((one.gaps, "gaps"), (one.missed, "not told")) if number]
    parts += [f"ends {one.end}"] if one.end else []
    parts += [f"PROBLEM: {one.problem}"] if one.problem else []
    return "; ".join(parts)


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
