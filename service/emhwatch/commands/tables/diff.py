"""`emhwatch tables diff OLD`: what changed since a git revision or against another folder, and which answers flip."""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from emhwatch.assess.worked import outcomes
from emhwatch.commands.tables.folders import authored, chosen, files_of, tables_of
from emhwatch.errors import InputError, TableError
from emhwatch.tables import cases
from emhwatch.tables.changes import changes
from emhwatch.tables.load import TableSet
from emhwatch.tables.locate import FOLDERS, table_files
from emhwatch.text.read import read_report


@dataclass(frozen=True, slots=True)
class Flip:
    """One case or report that is answered in another way."""

    name: str
    title: str
    old: Mapping[str, str]
    new: Mapping[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of its own."""
    parser.add_argument("old", metavar="OLD", help="a git revision, or a folder with mappings/ and terminology/")
    parser.add_argument(
        "--corpus", metavar="FILE.jsonl", action="append", default=[], help='reports, {"id", "text", "modality"} a line'
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what changed and what flips; 0 also when something does."""
    overlay = chosen(arguments)[1]
    with _old_folder(arguments) as old:
        before = table_files(str(old), overlay)
        lines = changes(before, files_of(arguments))
        tables = TableSet(before)
        flips = [*_case_flips(arguments, tables), *_report_flips(arguments, tables)] if lines else []
    if arguments.json:
        print(json.dumps({"changes": lines, "flips": [asdict(flip) for flip in flips]}, ensure_ascii=False))
        return 0
    print("\n".join(lines) or "nothing changed")
    for flip in flips:
        print(f"\n{flip.name}: {flip.title}")
        for name in flip.old:
            print(f"    {name}: {flip.old[name] or 'none'} → {flip.new[name] or 'none'}")
    print(f"{len(lines)} changes, {len(flips)} answers flip", file=sys.stderr)
    return 0


@contextmanager
def _old_folder(arguments: argparse.Namespace) -> Iterator[Path]:
    if (Path(arguments.old) / FOLDERS[0]).is_dir():
        yield Path(arguments.old)
        return
    command = ["git", "-C", str(authored(arguments)), "archive", arguments.old, *FOLDERS]
    try:
        archive = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - no shell
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"{arguments.old} is no table folder and no git revision.", remedy="Name one.") from error
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)


def _case_flips(arguments: argparse.Namespace, old_tables: TableSet) -> Iterator[Flip]:
    files = files_of(arguments)
    parsed = cases.parse(files)
    if files.problems:
        raise TableError(files.told())
    pairs = zip(outcomes(parsed, old_tables), outcomes(parsed, tables_of(arguments)), strict=True)
    for old, new in pairs:
        if old.answered != new.answered:
            changed = [name for name in old.answered if old.answered[name] != new.answered[name]]
            yield Flip(
                new.name,
                new.title,
                {name: old.answered[name] for name in changed},
                {name: new.answered[name] for name in changed},
            )


def _report_flips(arguments: argparse.Namespace, old_tables: TableSet) -> Iterator[Flip]:
    new_tables = tables_of(arguments)
    for path in arguments.corpus:
        for line in Path(path).read_text("utf-8").splitlines():
            report = json.loads(line)
            old, new = _values(report, old_tables), _values(report, new_tables)
            if changed := [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]:
                yield Flip(
                    str(report["id"]),
                    str(report["text"])[:80],
                    {key: old.get(key, "") for key in changed},
                    {key: new.get(key, "") for key in changed},
                )


def _values(report: dict[str, object], tables: TableSet) -> dict[str, str]:
    modality = report.get("modality")
    reading = read_report(str(report["text"]), tables.text, modality=str(modality) if modality else None)
    found: dict[str, str] = {}
    for finding in reading.findings:
        found.setdefault(finding.key, str(finding.value))
    for mass in reading.masses:
        found[f"mass {mass.index + 1}"] = f"{mass.value} {' '.join(mass.levels)}".strip()
    return found
