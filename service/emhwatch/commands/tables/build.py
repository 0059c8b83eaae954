"""`emhwatch tables build`: `terminology/fhir/` and `mappings/REFERENCE/`, from the tables."""

import argparse
import json
import sys
from pathlib import Path

from emhwatch.commands.tables.folders import authored, files_of, tables_of
from emhwatch.errors import ConfigurationError
from emhwatch.fhir import r4b
from emhwatch.tables import build, cases, reference
from emhwatch.tables.load import TableSet
from emhwatch.tables.source import TableFiles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of its own."""
    parser.add_argument(
        "--check", action="store_true", help="write nothing; 1 if a built file is not what the tables give"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write what changed; print the paths."""
    folder = authored(arguments)
    built = built_files(files_of(arguments), tables_of(arguments))
    for path, text in built.items():
        if path.endswith(".json") and (found := r4b.problems(json.loads(text))):
            raise ConfigurationError(f"{path} is not valid FHIR R4: {found[0]}.", remedy="Correct the table behind it.")
    changed = stale_files(folder, built)
    for path in changed:
        print(path)
        if arguments.check:
            continue
        target = folder / path
        if path in built:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(built[path], "utf-8", newline="\n")
        else:
            target.unlink()
    print(f"{len(built)} built files, {len(changed)} changed", file=sys.stderr)
    return 1 if arguments.check and changed else 0


def built_files(files: TableFiles, tables: TableSet) -> dict[str, str]:
    """FHIR resources and pages of the reference, by path."""
    return build.build(files, tables) | reference.pages(files, tables, cases.parse(files))


def stale_files(folder: Path, built: dict[str, str]) -> list[str]:
    """Built files that are not checked in as the tables give them."""
    present = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for root in (build.FOLDER, reference.FOLDER)
        for path in sorted((folder / root).rglob("*"))
        if path.is_file()
    }
    return build.stale(built, present)
