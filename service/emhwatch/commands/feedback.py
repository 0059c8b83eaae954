"""What clinicians did with the cards.

Example: emhwatch feedback export --out feedback/
writes feedback.ndjson and feedback.csv (one line an answer, and one for each card without an answer), counts.csv
(shown, accepted, overridden, ignored by rule version, client and row) and source-attributes.csv.
Example: emhwatch feedback export --format ndjson > feedback.ndjson
"""

import argparse
import asyncio
import csv
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from emhwatch.cds.evidence import attributes
from emhwatch.cds.feedback import FeedbackStore, as_csv, count_rows, ndjson
from emhwatch.errors import InputError
from emhwatch.settings import Settings
from emhwatch.store.database import open_database
from emhwatch.tables.load import load_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser("export", help="feedback as NDJSON and CSV", epilog=__doc__)
    export.formatter_class = argparse.RawDescriptionHelpFormatter
    export.add_argument("--out", type=Path, help="folder for all files; without it --format goes to stdout")
    export.add_argument("--format", choices=("ndjson", "csv"), default="ndjson", help="what to print without --out")
    counts = actions.add_parser("counts", help="shown, accepted, overridden, ignored")
    counts.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    settings = Settings.from_environ(os.environ)
    return asyncio.run(_run(settings, args))


async def _run(settings: Settings, args: argparse.Namespace) -> int:
    database = open_database(settings.store.url)
    try:
        store = FeedbackStore(database)
        counts = count_rows(await store.counts())
        if args.action == "counts":
            print(orjson.dumps(counts).decode() if args.json else _table(counts), end="")
            return 0
        records = await store.export()
    finally:
        await database.close()
    if args.out is None:
        sys.stdout.write(ndjson(records).decode() if args.format == "ndjson" else as_csv(records))
        return 0
    tables = load_tables(settings.tables.dir, settings.tables.overlay)
    listed = [{"attribute": name, "value": value} for name, value in attributes(tables)]
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "feedback.ndjson").write_bytes(ndjson(records))
        (args.out / "feedback.csv").write_text(as_csv(records), "utf-8")
        (args.out / "counts.csv").write_text(_csv(counts, _COUNTS), "utf-8")
        (args.out / "source-attributes.csv").write_text(_csv(listed, ("attribute", "value")), "utf-8")
    except OSError:
        raise InputError(f"{args.out} cannot be written.", remedy="Name a folder that you may write to.") from None
    print(f"{len(records)} records in {args.out}", file=sys.stderr)
    return 0


_COUNTS = ("rules", "client", "row", "card", "shown", "accepted", "overridden", "ignored")


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [_COUNTS, *([str(row[name]) for name in _COUNTS] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COUNTS))]
    return "".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines)
