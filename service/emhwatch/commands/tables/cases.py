"""`emhwatch tables cases`: the worked cases with expected and given answer."""

import argparse
import json
import sys
from dataclasses import asdict

from emhwatch.assess.worked import Outcome, outcomes
from emhwatch.commands.tables.folders import files_of, tables_of
from emhwatch.errors import InputError, TableError
from emhwatch.tables import cases


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of its own."""
    parser.add_argument("--name", metavar="CASE", help="only this case, with its answer")


def run(arguments: argparse.Namespace) -> int:
    """Print the cases that do not hold (or the one that was named); 1 if one does not hold and is not known as open."""
    files = files_of(arguments)
    parsed = cases.parse(files)
    if files.problems:
        raise TableError(files.told())
    found = list(outcomes(parsed, tables_of(arguments)))
    if arguments.name:
        found = [outcome for outcome in found if outcome.name == arguments.name]
        if not found:
            raise InputError(f"No worked case is called {arguments.name}.", remedy="See mappings/cases/.")
    wrong = [outcome for outcome in found if not outcome.holds]
    if arguments.json:
        print(json.dumps([asdict(outcome) | {"holds": outcome.holds} for outcome in found], ensure_ascii=False))
    else:
        for outcome in found if arguments.name else wrong:
            _show(outcome)
        known = [outcome for outcome in wrong if outcome.name in parsed.open]
        print(f"{len(found)} worked cases, {len(wrong)} do not hold, {len(known)} known as open", file=sys.stderr)
    return 1 if any(outcome.name not in parsed.open for outcome in wrong) else 0


def _show(outcome: Outcome) -> None:
    print(f"{outcome.file}:{outcome.line}: {outcome.name}: {outcome.title}")
    for name, value in outcome.expected.items():
        answered = outcome.answered[name]
        print(f"    {name:32} {answered or '-':16}" + ("" if answered == value else f" expected {value or '-'}"))
