"""Check everything that the service needs; a line each: ok, or what to do.

Examples:
  emhwatch doctor
  emhwatch doctor --env        prints every setting with its default, as in deploy/emhwatch.env
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from emhwatch.bootstrap import WallClock, configured_watches
from emhwatch.cds import assembly
from emhwatch.errors import ConfigurationError, EmhError, FhirError, TableError
from emhwatch.fhir.connect import connect
from emhwatch.fhir.discovery import clock_skew_s
from emhwatch.inbox.status import counts
from emhwatch.intake.assemble import subscriptions
from emhwatch.intake.keeper import AUTO, POLL, PUSH
from emhwatch.intake.subscriptions import Subscriptions
from emhwatch.settings import Settings, env_file
from emhwatch.store.database import open_database
from emhwatch.tables.load import DOMAINS, TableSet, load_tables

#: `Date` has whole seconds, and an answer takes its time.
_SKEW_S = 5.0
_READ = ("Patient", "DiagnosticReport", "Observation", "Condition")


@dataclass(frozen=True, slots=True)
class Check:
    """One line."""

    name: str
    state: str  #: ok, note or problem
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print."""
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--env", action="store_true", help="print all settings with their defaults and stop")


def run(arguments: argparse.Namespace) -> int:
    """0 all is well, notes allowed; 1 something has to be done."""
    if arguments.env:
        print(env_file(), end="")
        return 0
    return asyncio.run(_print(arguments))


async def _print(arguments: argparse.Namespace) -> int:
    worst = 0
    async for check in checks():
        print(json.dumps(asdict(check)) if arguments.json else f"{check.state:<8} {check.name}: {check.text}")
        worst |= check.state == "problem"
    return int(worst)


async def checks() -> AsyncIterator[Check]:
    """All checks, each as soon as it is done; a later one that needs a failed one is left out."""
    try:
        settings = Settings.from_environ(os.environ)
    except ConfigurationError as error:
        yield Check("settings", "problem", str(error))
        return
    yield Check("settings", "ok", "read")
    tables = None
    try:
        tables = load_tables(settings.tables.dir, settings.tables.overlay, DOMAINS)
        yield Check("tables", "ok", f"version {tables.version}, digest {tables.digest[:12]}, from the {tables.origin}")
    except TableError as error:
        for problem in error.problems:
            yield Check("tables", "problem", str(problem))
    except ConfigurationError as error:
        yield Check("tables", "problem", str(error))
    yield await _store(settings)
    async for check in _fhir(settings, tables):
        yield check
    if tables is not None:
        for check in _cds(settings, tables):
            yield check


async def _store(settings: Settings) -> Check:
    try:
        database = await asyncio.to_thread(open_database, settings.store.url)
        try:
            found = await database.read(counts)
        finally:
            await database.close()
    except EmhError as error:
        return Check("data store", "problem", str(error))
    if found.dead:
        return Check("data store", "problem", f"{found.dead} dead letters: see `emhwatch inbox list`")
    return Check("data store", "ok", f"{found.waiting} events wait")


async def _fhir(settings: Settings, tables: TableSet | None) -> AsyncIterator[Check]:
    if not settings.fhir.base_url:
        yield Check("FHIR server", "problem", "no base URL: set EMHWATCH_FHIR_BASE_URL")
        return
    try:
        connection = connect(settings.fhir, clock=WallClock())
    except ConfigurationError as error:
        yield Check("FHIR server", "problem", str(error))
        return
    client = connection.client
    try:
        try:
            capabilities = await client.capabilities()
        except FhirError as error:
            yield Check("FHIR server", "problem", f"{error.code}: {error} Check EMHWATCH_FHIR_BASE_URL.")
            return
        version = capabilities.fhir_version
        if not version.startswith("4.0"):
            yield Check("FHIR server", "problem", f"it speaks FHIR {version or 'of no version'}; this service needs R4")
        else:
            yield Check("FHIR server", "ok", f"{capabilities.software}, FHIR {version}")
        yield _clock(await client.date())
        if not capabilities.transaction:
            yield Check("write-back", "note", "the server does not say that it takes transactions")
        for kind in _READ:
            try:
                await client.search(kind, [("_count", "1")], max_resources=1)
            except FhirError as error:
                yield Check(
                    "authorization", "problem", f"{kind} cannot be searched, {error.code}: {error} Check the token."
                )
                return
        yield Check("authorization", "ok", f"{', '.join(_READ)} can be searched")
        if connection.backend_services is not None and (missing := connection.backend_services.missing_scopes()):
            yield Check("authorization", "problem", f"scopes not granted: {' '.join(missing)}")
        if tables is not None:
            yield await _subscriptions(
                settings,
                subscriptions(
                    settings,
                    client=client,
                    watches=configured_watches(settings, tables),
                    clock=WallClock(),
                    secret=settings.intake.secret,
                ),
            )
    finally:
        await connection.close()


def _clock(date: str | None) -> Check:
    skew_s = clock_skew_s(date, WallClock().now())
    if skew_s is None:
        return Check("clock", "note", "the FHIR server does not say what time it is; compare the clocks by hand")
    if abs(skew_s) <= _SKEW_S:
        return Check("clock", "ok", "this machine and the FHIR server agree")
    ahead = "ahead of" if skew_s > 0 else "behind"
    return Check(
        "clock",
        "problem",
        f"the FHIR server is {abs(skew_s):.0f} s {ahead} this machine: set both by NTP; tokens are refused, and ages "
        "of results are wrong by as much",
    )


async def _subscriptions(settings: Settings, ours: Subscriptions) -> Check:
    mode = settings.intake.mode
    if mode == POLL:
        return Check("subscriptions", "ok", f"not used; the server is searched every {settings.intake.poll_s:g} s")
    if mode == PUSH:
        return Check("subscriptions", "ok", f"not used; {' and '.join(settings.intake.push)} may notify")
    try:
        if not await ours.supported():
            remedy = "it is searched instead" if mode == AUTO else "set EMHWATCH_INTAKE_MODE to auto or poll"
            return Check("subscriptions", "note" if mode == AUTO else "problem", f"the server takes none: {remedy}")
        found = await ours.standing()
    except FhirError as error:
        return Check("subscriptions", "problem", f"they cannot be read, {error.code}")
    off = [standing for standing in found if standing.status not in ("active", "requested")]
    if off:
        return Check(
            "subscriptions", "problem", f"{off[0].reference} is {off[0].status}: `emhwatch subscriptions create`"
        )
    if not found:
        return Check("subscriptions", "note", "none yet; `emhwatch serve` makes them")
    return Check("subscriptions", "ok", f"{len(found)} notify {settings.intake.public_url}")


def _cds(settings: Settings, tables: TableSet) -> list[Check]:
    try:
        said = assembly.warnings(settings, tables)
    except ConfigurationError as error:
        return [Check("CDS Hooks", "problem", str(error))]
    return [Check("CDS Hooks", "note", text) for text in said] or [Check("CDS Hooks", "ok", "clients are registered")]
