"""`emhwatch tables check`: shape, codes, across tables, worked cases, built files."""

import argparse
import json
import sys
from collections.abc import Mapping
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
    keys, languages = tables.keys.by_key, tuple(tables.text.languages)
    criteria = [key for key in tables.text.keys if set(keys[key].groups) - {"X"}]
    # A key without phrases of its own follows from the mass, in every language.
    cases.check_kinds(files, parsed, {key: tables.text.phrases(key) or languages for key in criteria})
    found = [_problem(outcome, parsed.open) for outcome in outcomes(parsed, tables)]
    return sorted([*files.told(), *(problem for problem in found if problem)])


def stale_problems(files: TableFiles, tables: TableSet, arguments: argparse.Namespace) -> list[Problem]:
    """Built files that are not what the tables give; not for an installed package or a site's folder."""
    folder, origin = locate(chosen(arguments)[0])
    if files.site or origin == "wheel":
        return []
    changed = stale_files(folder, built_files(files, tables))
    return [Problem(path, 0, "file", "not what the tables give", "run emhwatch tables build") for path in changed]


def _problem(outcome: Outcome, known: Mapping[str, int]) -> Problem | None:
    if outcome.holds and outcome.name in known:
        remedy = "remove the row, the case is no longer open"
        return Problem(cases.OPEN, known[outcome.name], outcome.name, "the case holds", remedy)
    if outcome.holds or outcome.name in known:
        return None
    differ = [name for name, value in outcome.expected.items() if outcome.answered[name] != value]
    words = ", ".join(f"{name} {outcome.answered[name]}, not {outcome.expected[name]}" for name in differ)
    return Problem(
        outcome.file, outcome.line, outcome.name, words, "correct the tables, or the case if the answer is meant"
    )
