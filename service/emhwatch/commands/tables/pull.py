"""`emhwatch tables pull`: value sets of a terminology server into the site overlay, at authoring time only.

The overlay's `pull.toml` names them:

    [[value_set]]
    url = "https://hospital.example/fhir/ValueSet/hemoglobin"
    concept = "hemoglobin"    # of mappings/concepts.csv or of the overlay's own
"""

import argparse
import csv
import io
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx

from emhwatch.commands.tables.folders import chosen
from emhwatch.errors import FhirUnavailable, InputError, TableError
from emhwatch.tables.codes import COLUMNS, CodeTables, parse
from emhwatch.tables.locate import table_files

TARGET = "terminology/codes/pulled.csv"
_PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of its own."""
    parser.add_argument("--server", metavar="URL", required=True, help="base URL of the terminology server")


def run(arguments: argparse.Namespace) -> int:
    """Write the codes that the tables do not hold yet; `tables check --overlay` then checks them."""
    folder, overlay = chosen(arguments)
    if not overlay:
        raise InputError("No site overlay.", remedy="Name it with --overlay.")
    wanted = _wanted(Path(overlay) / "pull.toml")
    (Path(overlay) / TARGET).unlink(missing_ok=True)
    files = table_files(folder, overlay)
    codes = parse(files)
    if files.problems:
        raise TableError(files.told())
    with httpx.Client(base_url=arguments.server, timeout=60, headers={"Accept": "application/fhir+json"}) as client:
        rows = pulled(client, wanted, codes)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    target = Path(overlay) / TARGET
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(out.getvalue(), "utf-8", newline="\n")
    print(f"{len(rows)} codes written to {target}", file=sys.stderr)
    return 0


def pulled(client: httpx.Client, wanted: list[dict[str, str]], codes: CodeTables) -> list[dict[str, str]]:
    """Rows of codes that are not in the tables yet.

    Raises:
        InputError: a code system of the server is not in `systems.toml`.
        FhirUnavailable: the server does not expand a value set.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for value_set in wanted:
        for coding in expand(client, value_set["url"]):
            system = codes.systems.find(coding.get("system"))
            if system is None:
                raise InputError("A code system is not known.", remedy="Add it to the overlay's systems.toml.")
            code = system.normalize(str(coding["code"]))
            if not codes.find(system.url, code):
                rows[system.key, code] = {
                    "concept": value_set["concept"],
                    "system": system.key,
                    "code": code,
                    "display": str(coding.get("display", "")),
                    "value": "",
                    "verified_by": value_set["url"],
                    "note": "",
                }
    return [rows[place] for place in sorted(rows)]


def expand(client: httpx.Client, url: str) -> list[dict[str, Any]]:
    """All codes of a value set, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        asked = {"url": url, "count": str(_PAGE), "offset": str(len(found))}
        try:
            answer = client.get("ValueSet/$expand", params=asked)
        except httpx.HTTPError as error:
            raise FhirUnavailable("The terminology server cannot be reached.", remedy="Check --server.") from error
        if answer.status_code != httpx.codes.OK:
            raise FhirUnavailable("The server does not expand a value set.", remedy="Check its url in pull.toml.")
        expansion = answer.json().get("expansion", {})
        page = expansion.get("contains", [])
        found += page
        if not page or len(found) >= expansion.get("total", len(found)):
            return found


def _wanted(path: Path) -> list[dict[str, str]]:
    try:
        listed = tomllib.loads(path.read_text("utf-8")).get("value_set", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read.", remedy="Name the value sets there.") from error
    if not listed or any(not {"url", "concept"} <= value_set.keys() for value_set in listed):
        raise InputError(f"{path} names no value set with url and concept.", remedy="Add them.")
    return [dict(value_set) for value_set in listed]
