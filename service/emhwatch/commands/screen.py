"""Evaluate a Bulk Data export silently: nothing is sent or written anywhere but into the output folder.

    emhwatch screen export/ --out screened/

Reads every NDJSON file of the folder. Writes assessments.ndjson and assessments.parquet, one row a patient, and
summary.md for people. Memory stays bounded: the export is first sorted into buckets on the disk, by patient.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from emhwatch.assess.evaluate import evaluate
from emhwatch.assess.output import result
from emhwatch.commands.evaluator import Evaluator, read_now
from emhwatch.commands.export import Export, patients_of
from emhwatch.commands.parquet import RowWriter
from emhwatch.errors import InputError
from emhwatch.settings import Settings

_SHOWN = ("info", "warning", "critical")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="NDJSON-FOLDER", help="folder with the *.ndjson files of the export")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="folder for the results; made when missing")
    parser.add_argument("--now", metavar="INSTANT", help="evaluation time, ISO 8601 with offset (default: now)")
    parser.add_argument("--json", action="store_true", help="the summary as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Screen; 0 done, 1 some line or patient could not be read."""
    folder, out = Path(arguments.folder), Path(arguments.out)
    if not any(folder.glob("*.ndjson")):
        raise InputError(f"{folder}: no *.ndjson files.", remedy="Give the folder of a Bulk Data export.")
    now = read_now(arguments.now) if arguments.now else datetime.now().astimezone()
    evaluator = Evaluator.of(Settings.from_environ(os.environ))
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    with (
        TemporaryDirectory(dir=out, prefix=".buckets-") as work,
        (out / "assessments.ndjson").open("wb") as lines,
        RowWriter(out / "assessments.parquet") as rows,
    ):
        export = Export(folder, Path(work))
        export.sort()
        counts["unreadable lines"] = export.unreadable
        counts["reports"] = export.reports
        for document in _documents(export, evaluator, now):
            lines.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
            rows.write(document)
            _count(counts, document)
    summary = _summary(counts, evaluator, now)
    (out / "summary.md").write_text(summary, "utf-8")
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(dict(counts), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS))
    else:
        print(summary)
    return 1 if counts["unreadable lines"] or counts["failed"] else 0


def _documents(export: Export, evaluator: Evaluator, now: datetime) -> Iterator[dict[str, Any]]:
    for reference, resources in patients_of(export):
        assessment = evaluate(
            resources, focus=None, patient=reference, now=now, tables=evaluator.tables, options=evaluator.options
        )
        yield result(assessment, given_id=reference)


def _count(counts: Counter[str], document: dict[str, Any]) -> None:
    counts["patients"] += 1
    counts["failed"] += "error" in document
    counts[f"indicator {document['indicator']}"] += 1
    counts[f"row {document['row']}"] += 1
    counts[f"blood {document['blood']}"] += 1
    if document["mass"] in ("present", "possible"):
        counts[f"tier {document['tier']}"] += 1
    if document["card"]:
        counts[f"card {document['card']}"] += 1


def _summary(counts: Counter[str], evaluator: Evaluator, now: datetime) -> str:
    patients, reports = counts["patients"], counts["reports"]
    head = (
        f"{patients} patients, {reports} reports, evaluated at {now.isoformat(timespec='seconds')} with rules "
        f"{evaluator.tables.version} ({evaluator.tables.digest[:12]}). Nothing was shown or written to a chart."
    )
    failed = (
        f"Could not be read: {counts['unreadable lines']} lines, {counts['failed']} patients. "
        "A patient that could not be evaluated is not a patient without EMH."
    )
    lines = [
        "# Silent screening",
        "",
        head,
        "",
        failed,
        "",
        "| what | patients | per 1000 reports |",
        "|---|---|---|",
    ]
    for name in sorted(k for k in counts if k.split()[0] in ("indicator", "row", "card", "tier", "blood")):
        kind, value = name.split(maxsplit=1)
        rate = f"{1000 * counts[name] / reports:.1f}" if reports and value in _SHOWN else ""
        lines.append(f"| {kind} {value} | {counts[name]} | {rate} |")
    return "\n".join(lines) + "\n"
