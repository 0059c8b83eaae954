"""Subscriptions of this installation at the FHIR server.

Examples:
  emhwatch subscriptions list
  emhwatch subscriptions create      make what is missing, repair what is off
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
from emhwatch.intake.subscriptions import Standing, Subscriptions
from emhwatch.settings import Settings
from emhwatch.tables.load import load_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions."""
    parser.add_argument("action", choices=("list", "create", "renew", "delete"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """0 done; 1 a Subscription is not active or requested."""
    settings = Settings.from_environ(os.environ)
    if arguments.action in ("create", "renew") and not settings.intake.secret:
        raise InputError(
            "The secret of the subscriptions is not set.",
            remedy="Set EMHWATCH_INTAKE_SECRET, here and for the service.",
        )
    return asyncio.run(_act(settings, arguments))


async def _act(settings: Settings, arguments: argparse.Namespace) -> int:
    tables = load_tables(settings.tables.dir, settings.tables.overlay)
    connection = connect(settings.fhir, clock=WallClock())
    ours = Subscriptions.of(
        connection.client,
        public_url=settings.intake.public_url,
        secret=settings.intake.secret,
        watches=configured_watches(settings, tables),
    )
    try:
        if arguments.action == "delete":
            print(f"{await ours.delete()} subscriptions deleted")
            return 0
        found = await (ours.standing() if arguments.action == "list" else ours.ensure())
    finally:
        await connection.close()
    for standing in found:
        print(json.dumps(asdict(standing)) if arguments.json else _line(standing))
    if not found and not arguments.json:
        print("no subscriptions; `emhwatch subscriptions create` makes them")
    return int(any(standing.status not in ("active", "requested") for standing in found))


def _line(standing: Standing) -> str:
    return f"{standing.status:<10}  {standing.reference}  {standing.criteria[:80]}  {standing.error}".rstrip()
