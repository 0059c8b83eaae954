"""`emhwatch tables check`: shape, codes, across tables, worked cases, built files."""

import argparse
import json
import sys
from dataclasses import asdict

from emhwatch.assess.worked import Outcome, outcomes
from emhwatch.commands.tables.build import built_files, stale_files
from emhwatch.commands.tables.folders import chosen, files_of
from emhwatch.tables import cases
from emhwatch.tables.check import check_tables
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.tables.locate import locate
from emhwatch.tables.problem import Problem
from emhwatch.tables.source import TableFiles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Print every problem; 1 if there is one."""
    files = files_of(arguments)
    problems = list(check_tables(files))
    if not problems:
        tables = load_tables(*chosen(arguments))
        problems += case_problems(files, tables)
        problems += stale_problems(files, tables, arguments)
    if arguments.json:
        print(json.dumps([asdict(problem) for problem in problems]))
    else:
        for problem in problems:
            print(problem)
        if not problems:
            print(f"{len(files.files) + len(files.site)} table files, no problem", file=sys.stderr)
    return 1 if problems else 0


def case_problems(files: TableFiles, tables: TableSet) -> list[Problem]:
    """Cases that cannot be read, keys without their cases, and cases whose answer is another one."""
    parsed = cases.parse(files)
    keys = tables.keys.by_key
    cases.check_kinds(files, parsed, [key for key in tables.text.keys if set(keys[key].groups) - {"X"}])
    wrong = [_problem(outcome) for outcome in outcomes(parsed, tables) if not outcome.holds]
    return sorted([*files.problems, *wrong])


def stale_problems(files: TableFiles, tables: TableSet, arguments: argparse.Namespace) -> list[Problem]:
    """Built files that are not what the tables give; not for an installed package or a site's folder."""
    folder, origin = locate(chosen(arguments)[0])
    if files.site or origin == "wheel":
        return []
    changed = stale_files(folder, built_files(files, tables))
    return [Problem(path, 0, "file", "not what the tables give", "run emhwatch tables build") for path in changed]


def _problem(outcome: Outcome) -> Problem:
    differ = [name for name, value in outcome.expected.items() if outcome.answered[name] != value]
    words = ", ".join(f"{name} {outcome.answered[name]}, not {outcome.expected[name]}" for name in differ)
    return Problem(
        outcome.file, outcome.line, outcome.name, words, "correct the tables, or the case if the answer is meant"
    )
