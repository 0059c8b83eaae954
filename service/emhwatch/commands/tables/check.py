"""`emhwatch tables check`: shape, codes, across tables, worked cases, built files."""

import argparse
import json
import sys
from dataclasses import asdict

from emhwatch.assess.worked import Outcome, outcomes
from emhwatch.commands.tables.folders import chosen, files_of
from emhwatch.tables import cases
from emhwatch.tables.check import check_tables
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.tables.problem import Problem
from emhwatch.tables.source import TableFiles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Print every problem; 1 if there is one."""
    files = files_of(arguments)
    problems = list(check_tables(files))
    if not problems:
        problems += case_problems(files, load_tables(*chosen(arguments)))
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


def _problem(outcome: Outcome) -> Problem:
    differ = [name for name, value in outcome.expected.items() if outcome.answered[name] != value]
    words = ", ".join(f"{name} {outcome.answered[name]}, not {outcome.expected[name]}" for name in differ)
    return Problem(
        outcome.file, outcome.line, outcome.name, words, "correct the tables, or the case if the answer is meant"
    )
