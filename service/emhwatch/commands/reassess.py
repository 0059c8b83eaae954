"""Evaluate reports again on purpose: after a new rule set, or when somebody doubts a result.

New rules never change a result in silence; this command is the way a person asks for it.

Examples:
  emhwatch reassess --report DiagnosticReport/r1
  emhwatch reassess --patient Patient/p1
  emhwatch reassess --other-rules             lists what was written with another rule set
  emhwatch reassess --other-rules --yes       and writes it anew
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from emhwatch.bootstrap import WallClock, pipeline
from emhwatch.cds.history import CardHistory
from emhwatch.errors import EmhError, InputError
from emhwatch.fhir.connect import connect
from emhwatch.model.event import ResourceEvent
from emhwatch.pipeline import Pipeline
from emhwatch.ports import Database
from emhwatch.publish import assemble, ledger
from emhwatch.publish.audit import ServerAudit
from emhwatch.publish.identity import split_reference
from emhwatch.settings import Settings
from emhwatch.store.database import open_database
from emhwatch.tables.load import load_tables


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one report."""

    report: str
    outcome: str  #: "listed", an indicator with row and tier, or an error code

    def text(self) -> str:
        """For a person."""
        return f"{self.report}  {self.outcome}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which reports, and whether to write."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--report", metavar="TYPE/ID", help="one report or study")
    which.add_argument("--patient", metavar="PATIENT/ID", help="all reports with results of one patient")
    which.add_argument("--other-rules", action="store_true", help="all results of another rule set than today's")
    which.add_argument("--all", action="store_true", help="all reports with results")
    parser.add_argument("--yes", action="store_true", help="evaluate and write; without it the reports are only listed")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """List or evaluate; 0 done, 1 some failed."""
    reference = arguments.report or arguments.patient
    if reference is not None and (split_reference(reference) or (None, "1"))[1] is not None:
        raise InputError("The reference is not of the form Type/id.", remedy="Write for example DiagnosticReport/123.")
    lines = asyncio.run(_reassess(Settings.from_environ(os.environ), arguments))
    for line in lines:
        print(json.dumps({"report": line.report, "outcome": line.outcome}) if arguments.json else line.text())
    failed = sum(line.outcome.startswith("error ") for line in lines)
    print(f"{len(lines)} reports, {failed} failed" + ("" if arguments.yes else "; nothing written"), file=sys.stderr)
    return 1 if failed else 0


async def _reassess(settings: Settings, arguments: argparse.Namespace) -> list[Line]:
    clock = WallClock()
    tables = load_tables(settings.tables.dir, settings.tables.overlay)
    trail = assemble.audit(settings.publish, tables=tables, clock=clock)
    connection = connect(settings.fhir, clock=clock, observers=[trail] if trail else [])
    database = open_database(settings.store.url)
    try:
        reports = await _reports(arguments, settings, database, tables.digest)
        if not arguments.yes:
            return [Line(report, "listed") for report in reports]
        publisher = assemble.publisher(settings, client=connection.client, database=database, tables=tables)
        stages = pipeline(settings, connection, CardHistory(database), publisher.for_person(), tables)
        return [await _one(stages, settings.fhir.name, report) for report in reports]
    finally:
        if isinstance(trail, ServerAudit):
            await trail.keep(database)  # the service sends it
        await connection.close()
        await database.close()


async def _reports(arguments: argparse.Namespace, settings: Settings, database: Database, digest: str) -> Sequence[str]:
    if arguments.report:
        return [arguments.report]
    other = digest if arguments.other_rules else None
    found: Sequence[str] = await database.read(
        lambda c: ledger.reports(c, settings.fhir.name, patient=arguments.patient, other_rules=other)
    )
    return found


async def _one(stages: Pipeline, server: str, report: str) -> Line:
    kind, _, ident = report.partition("/")
    event = ResourceEvent(server=server, resource_type=kind, resource_id=ident, version=None)
    try:
        done = await stages.run(event)
    except EmhError as error:  # one report must not end the run; the code says what to look up
        return Line(report, f"error {error.code}")
    if not done:
        return Line(report, "not imaging")
    return Line(report, "; ".join(f"{a.indicator} {a.row} {a.tier}" for a in done))
