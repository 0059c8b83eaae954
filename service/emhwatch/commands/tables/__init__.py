"""The clinical tables: check, standard form, worked cases, what is built of them, what changed.

Examples:
  emhwatch tables check                     every problem as file:line: key: problem: what to do
  emhwatch tables check --overlay site/     the same with a hospital's own folder laid over
  emhwatch tables fmt                       writes every table in its standard form
  emhwatch tables cases --name E01          one worked case; without --name all of them
  emhwatch tables build                     terminology/fhir/ and mappings/REFERENCE/
  emhwatch tables diff main                 what changed since a git revision or against another folder, and what flips
  emhwatch tables publish                   code systems, value sets and definitions to the FHIR server
  emhwatch tables pull --server URL --overlay site/   value sets of a terminology server into the overlay
"""

import argparse
from importlib import import_module

#: action -> one line of help; the module is `emhwatch.commands.tables.<action>`.
ACTIONS = {
    "check": "every check, the worked cases among them",
    "fmt": "write every table in its standard form",
    "cases": "run the worked cases",
    "build": "FHIR resources and the reference, from the tables",
    "diff": "what changed, in words, and which answers flip",
    "publish": "code systems, value sets and definitions to the FHIR server",
    "pull": "value sets of a terminology server into the site overlay",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--tables", metavar="FOLDER", help="folder with mappings/ and terminology/")
        action.add_argument("--overlay", metavar="FOLDER", help="the site's own folder")
        action.add_argument("--json", action="store_true", help="for programs")
        import_module(f"{__name__}.{name}").add_arguments(action)


def run(arguments: argparse.Namespace) -> int:
    """Run one action; 0 done, 1 problems found."""
    return int(import_module(f"{__name__}.{arguments.action}").run(arguments))
