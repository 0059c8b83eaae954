"""The command line; each command is a module of `emhwatch.commands`, imported only when it is called."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from emhwatch.errors import ConfigurationError, EmhError, InputError, TableError

#: command -> one line of help; the module is `emhwatch.commands.<name>`, see its `add_arguments` and `run`.
COMMANDS = {
    "demo": "the whole loop on one machine",
    "serve": "web and worker in one process",
    "worker": "a worker replica",
    "assess": "evaluate a bundle",
    "read": "the text engine alone",
    "screen": "a Bulk Data export, silently",
    "tables": "the clinical tables",
    "subscriptions": "subscriptions at the FHIR server",
    "inbox": "the durable inbox",
    "reassess": "evaluate again on purpose",
    "feedback": "CDS Hooks feedback",
    "doctor": "checks everything, says what to do",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 problems found, 2 wrong call or input."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="emhwatch", description="Clinical decision support before a biopsy.")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    parser.epilog = "Commands:\n" + "\n".join(f"  {name:14}{text}" for name, text in COMMANDS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    command = parser.parse_args(words[:1]).command
    module = import_module(f"emhwatch.commands.{command}")
    own = argparse.ArgumentParser(
        prog=f"emhwatch {command}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.add_arguments(own)
    try:
        return int(module.run(own.parse_args(words[1:])))
    except TableError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line
        return 2
    except (InputError, ConfigurationError) as error:
        print(f"emhwatch {command}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except EmhError as error:
        print(f"emhwatch {command}: {error.code}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130
