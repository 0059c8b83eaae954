"""`emhwatch tables publish`: our CodeSystems, ValueSets and definitions to the FHIR server."""

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict, replace

from emhwatch.bootstrap import WallClock
from emhwatch.commands.tables.folders import files_of, tables_of
from emhwatch.fhir.connect import connect
from emhwatch.publish.terminology import Published, publish_terminology
from emhwatch.settings import Settings
from emhwatch.tables import build
from emhwatch.types import Resource


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of its own."""
    parser.add_argument("--server", metavar="URL", help="base URL; default: EMHWATCH_FHIR_BASE_URL")
    parser.add_argument("--licensed", action="store_true", help="also what holds SNOMED CT content")


def run(arguments: argparse.Namespace) -> int:
    """Publish; print what happened to each canonical."""
    resources = []
    for path, text in build.build(files_of(arguments), tables_of(arguments)).items():
        if path.endswith(".json") and (arguments.licensed or f"/{build.LICENSED}/" not in f"/{path}"):
            resource = json.loads(text)
            if "url" in resource and "version" in resource:
                resources.append(resource)
    done = asyncio.run(_publish(arguments.server, resources))
    if arguments.json:
        print(json.dumps([asdict(item) for item in done]))
        return 0
    for item in done:
        print(f"{item.action:9}{item.url}|{item.version}")
    print(f"{len(done)} canonicals", file=sys.stderr)
    return 0


async def _publish(server: str | None, resources: list[Resource]) -> list[Published]:
    settings = Settings.from_environ(os.environ).fhir
    if server:
        settings = replace(settings, base_url=server)
    connection = connect(settings, clock=WallClock())
    try:
        # Value sets and maps refer to code systems: those go first.
        ordered = sorted(resources, key=lambda r: (r["resourceType"] != "CodeSystem", r["url"]))
        return await publish_terminology(connection.client, connection.client, ordered)
    finally:
        await connection.close()
