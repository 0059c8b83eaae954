"""`emhwatch tables fmt`: every authored file in its standard form."""

import argparse
import csv
import sys
from pathlib import Path

from emhwatch.commands.tables.folders import authored, chosen
from emhwatch.tables.locate import FOLDERS, SUFFIXES
from emhwatch.tables.standard_form import standard_form


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of its own."""
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a file would change")


def run(arguments: argparse.Namespace) -> int:
    """Write the files that are not in their standard form; print their names."""
    overlay = chosen(arguments)[1]
    changed = broken = 0
    for path in _files(Path(overlay) if overlay else authored(arguments)):
        try:
            text = path.read_text("utf-8")
            wanted = standard_form(path.name, text)
        except (UnicodeDecodeError, csv.Error):
            print(f"{path}:0: file: not a UTF-8 table: save it as UTF-8 CSV", file=sys.stderr)
            broken += 1
            continue
        if wanted != text:
            changed += 1
            print(path)
            if not arguments.check:
                path.write_text(wanted, "utf-8", newline="\n")
    return 1 if broken or (arguments.check and changed) else 0


def _files(folder: Path) -> list[Path]:
    return [path for name in FOLDERS for path in sorted((folder / name).rglob("*")) if path.suffix in SUFFIXES]
