"""The durable inbox: what waits, what failed and why, and what a person does about it.

Examples:
  emhwatch inbox list                    counts, and the newest dead letters
  emhwatch inbox list --state waiting
  emhwatch inbox show 42
  emhwatch inbox retry 42 43             run dead letters again; --all for all of them
  emhwatch inbox purge --days 30         delete what is finished for longer
"""

import argparse
import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from emhwatch.errors import InputError
from emhwatch.inbox import status
from emhwatch.inbox.schema import DEAD, STATES
from emhwatch.inbox.status import Item
from emhwatch.settings import Settings
from emhwatch.store.database import open_database

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions and what they take."""
    parser.add_argument("action", choices=("list", "show", "retry", "purge"))
    parser.add_argument("ids", nargs="*", type=int, metavar="EVENT", help="event numbers, as `list` prints them")
    parser.add_argument("--state", choices=STATES, help="list: only these (default: dead)")
    parser.add_argument("--limit", type=int, default=50, help="list: how many (default: 50)")
    parser.add_argument("--all", action="store_true", help="retry: all dead letters")
    parser.add_argument("--days", type=float, help="purge: what is finished for longer than this")
    parser.add_argument("--dead", action="store_true", help="purge: dead letters too")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """0 done; 1 an event that was named is not there."""
    if arguments.action == "list":
        return _list(arguments)
    if arguments.action == "show":
        return _show(arguments)
    if arguments.action == "retry":
        return _retry(arguments)
    if arguments.days is None:
        raise InputError("purge needs --days.", remedy="For example: emhwatch inbox purge --days 30.")
    states = STATES[1:] if arguments.dead else STATES[1:3]
    print(
        f"{_with(lambda c: status.purge(c, older_than_days=arguments.days, states=states), write=True)} events deleted"
    )
    return 0


def _list(arguments: argparse.Namespace) -> int:
    counts = _with(status.counts)
    items = _with(lambda c: status.items(c, state=arguments.state or DEAD, limit=arguments.limit))
    if arguments.json:
        print(json.dumps({"counts": asdict(counts), "events": [asdict(item) for item in items]}))
        return 0
    print(f"waiting {counts.waiting} (oldest {counts.oldest_s:.0f} s), dead {counts.dead}, done {counts.done}")
    for item in items:
        print(_line(item))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if not arguments.ids:
        raise InputError("show needs an event number.", remedy="See emhwatch inbox list.")
    missing = 0
    for ident in arguments.ids:
        found = _with(partial(status.items, ident=ident, limit=1))
        missing += not found
        for item in found:
            print(json.dumps(asdict(item)) if arguments.json else _line(item))
    return int(missing > 0)


def _retry(arguments: argparse.Namespace) -> int:
    if not arguments.ids and not arguments.all:
        raise InputError("retry needs event numbers or --all.", remedy="See emhwatch inbox list.")
    done = _with(lambda c: status.replay(c, None if arguments.all else arguments.ids), write=True)
    print(f"{done} events will run again")
    return 0 if arguments.all or done == len(arguments.ids) else 1


def _line(item: Item) -> str:
    at = datetime.fromtimestamp(item.accepted_ms / 1000, UTC).isoformat(timespec="seconds")
    version = f" v{item.version}" if item.version else ""
    reason = f"  {item.reason}" if item.reason else ""
    return (
        f"{item.id:>8}  {at}  {item.state:<10}  {item.reference}{version}  {item.source}, {item.attempts} tries{reason}"
    )


def _with(work: Callable[[Connection], T], *, write: bool = False) -> T:
    async def on_store() -> T:
        database = open_database(Settings.from_environ(os.environ).store.url)
        try:
            return await (database.write(work) if write else database.read(work))
        finally:
            await database.close()

    return asyncio.run(on_store())
