"""Evaluate a bundle, or many.

emhwatch assess patient.json --focus DiagnosticReport/r1
emhwatch assess patient.json --focus DiagnosticReport/r1 --order order.json --json
emhwatch assess --batch patients.jsonl --workers 2 > results.jsonl
"""

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from emhwatch.assess.view import person_view
from emhwatch.commands.batch import run_batch
from emhwatch.commands.evaluator import Evaluator, Request, read_now
from emhwatch.errors import InputError
from emhwatch.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE.json", help="FHIR R4 Bundle with the patient's resources")
    parser.add_argument("--focus", metavar="TYPE/ID", help="the DiagnosticReport or ImagingStudy to evaluate")
    parser.add_argument("--now", metavar="INSTANT", help="evaluation time, ISO 8601 with offset (default: now)")
    parser.add_argument("--order", metavar="FILE", help="a draft ServiceRequest, as order-sign would bring it")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the view for a person")
    parser.add_argument("--batch", metavar="FILE.jsonl", help="one request a line; one JSON result a line, in order")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes of a batch (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; 0 done, 1 an evaluation failed."""
    settings = Settings.from_environ(os.environ)
    if bool(arguments.bundle) == bool(arguments.batch):
        raise InputError("Give either a bundle or --batch.", remedy="See emhwatch assess --help.")
    if arguments.batch:
        if arguments.workers < 1:
            raise InputError("--workers is not 1 or more.", remedy="Give a number of processes.")
        return run_batch(Path(arguments.batch), settings, arguments.workers)
    request = Request(
        id=None,
        bundle=_json(arguments.bundle),
        focus=arguments.focus,
        now=read_now(arguments.now) if arguments.now else datetime.now().astimezone(),
        draft_order=_json(arguments.order) if arguments.order else None,
    )
    evaluator = Evaluator.of(settings)
    answer = evaluator.answer(request)
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(answer.document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        print(person_view(answer.assessment, evaluator.tables, answer.document["cards"]))
    return 1 if "error" in answer.document else 0


def _json(path: str) -> dict[str, Any]:
    """One JSON object of a file."""
    try:
        content = orjson.loads(Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).", remedy="Check the path.") from None
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: {place}: not JSON.", remedy="Correct the file there.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object.", remedy="Give one FHIR resource.")
    return content
