"""Read report texts with the text engine alone.

emhwatch read report.txt                     the report with its findings marked
emhwatch read --json report.txt              the same as JSON
emhwatch read --batch reports.jsonl          {"id", "text", "modality", "language"} a line
emhwatch read --spans spans.jsonl            {"id", "text", "start", "end", "section", "language"} a line
"""

import argparse
import gc
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from emhwatch.errors import InputError
from emhwatch.settings import Settings
from emhwatch.tables.load import load_tables
from emhwatch.tables.text import TextTables
from emhwatch.text.read import read_report
from emhwatch.text.show import as_json, marked
from emhwatch.text.spans import TIMES, read_span
from emhwatch.types import Section

if TYPE_CHECKING:
    from concurrent.futures import Future

_CHUNK = 64  #: lines that one process takes at once
_AHEAD = 4  #: chunks a process may be ahead of the output, which bounds the memory
_SELDOM = 50_000  #: objects more than before when the collector looks
Line = tuple[bytes, bool]  #: a JSON result, and whether the line failed
_ENCODINGS = ("utf-8-sig", "cp1252")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="report texts")
    parser.add_argument("--json", action="store_true", help="one JSON object a file instead of the view for a person")
    parser.add_argument("--batch", metavar="FILE.jsonl", help="many reports, a JSON object a line")
    parser.add_argument("--spans", metavar="FILE.jsonl", help="judge given spans, a JSON object a line")
    parser.add_argument("--modality", metavar="CODE", help="DICOM modality of the files, for example CT")
    parser.add_argument("--language", metavar="CODE", help="language of the files (default: detected)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes of a batch (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Read; 0 done, 1 a line could not be read."""
    if sum(map(bool, (arguments.files, arguments.batch, arguments.spans))) != 1:
        raise InputError("Give report files, --batch or --spans.", remedy="See emhwatch read --help.")
    if arguments.workers < 1:
        raise InputError("--workers is not 1 or more.", remedy="Give a number of processes.")
    settings = Settings.from_environ(os.environ)
    folders = (settings.tables.dir, settings.tables.overlay)
    if arguments.batch:
        return _many(Path(arguments.batch), "report", folders, arguments.workers)
    if arguments.spans:
        return _many(Path(arguments.spans), "span", folders, arguments.workers)
    tables = _tables(folders)
    for name in arguments.files:
        reading = read_report(_text(Path(name)), tables, modality=arguments.modality, language=arguments.language)
        if arguments.json:
            sys.stdout.buffer.write(orjson.dumps(as_json(reading), option=orjson.OPT_APPEND_NEWLINE))
        else:
            print(marked(reading))
    return 0


@cache
def _tables(folders: tuple[str | None, str | None]) -> TextTables:
    """The tables, which stay: the collector passes them over. Reading makes no cycles, so it looks seldom at all."""
    gc.disable()
    tables = load_tables(*folders).text
    gc.freeze()
    gc.set_threshold(_SELDOM)
    gc.enable()
    return tables


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).", remedy="Check the path.") from None
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: not text.", remedy="Give a plain text file in UTF-8.")


def _many(path: Path, kind: str, folders: tuple[str | None, str | None], workers: int) -> int:
    """One result a line in the order of the input; 1 when a line failed."""
    failed = 0
    progress = _progress(path)
    try:
        with path.open("rb") as source:
            lines = ((number, line) for number, line in enumerate(source, 1) if line.strip())
            for output, bad in _results(lines, kind, folders, workers):
                sys.stdout.buffer.write(output)
                failed += bad
                progress(len(output))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"{path}: cannot be read ({error.strerror}).", remedy="Check the path.") from None
    sys.stdout.buffer.flush()
    return 1 if failed else 0


def _progress(path: Path) -> Callable[[int], None]:
    if not sys.stderr.isatty():
        return lambda _: None
    from emhwatch.commands.batch import Progress

    return Progress(path).step


def _results(
    lines: Iterator[tuple[int, bytes]], kind: str, folders: tuple[str | None, str | None], workers: int
) -> Iterator[Line]:
    _tables(folders)
    if workers == 1:
        for number, line in lines:
            yield _answer(kind, folders, number, line)
        return
    from concurrent.futures import ProcessPoolExecutor  # slow to import, seldom needed

    with ProcessPoolExecutor(workers) as pool:
        waiting: deque[Future[list[Line]]] = deque()
        while chunk := list(islice(lines, _CHUNK)):
            waiting.append(pool.submit(_work, kind, folders, chunk))
            if len(waiting) > workers * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _work(kind: str, folders: tuple[str | None, str | None], chunk: list[tuple[int, bytes]]) -> list[Line]:
    return [_answer(kind, folders, number, line) for number, line in chunk]


def _answer(kind: str, folders: tuple[str | None, str | None], number: int, line: bytes) -> Line:
    """The result of one line; a line that cannot be read gives an error with its id."""
    identity: Any = None
    try:
        request = orjson.loads(line)
        if not isinstance(request, dict):
            raise InputError(f"line {number}: not a JSON object", remedy="Give one object a line.")
        identity = request.get("id")
        found = (_report if kind == "report" else _span)(request, _tables(folders), number)
        return orjson.dumps({"id": identity, **found}, option=orjson.OPT_APPEND_NEWLINE), False
    except orjson.JSONDecodeError:
        problem = f"line {number}: not JSON"
    except InputError as error:
        problem = str(error)
    return orjson.dumps({"id": identity, "error": problem}, option=orjson.OPT_APPEND_NEWLINE), True


def _report(request: dict[str, Any], tables: TextTables, number: int) -> dict[str, Any]:
    text = _string(request, "text", number)
    if text is None:
        raise InputError(f"line {number}: text: missing", remedy="Give the report text.")
    modality, language = _string(request, "modality", number), _string(request, "language", number)
    return as_json(read_report(text, tables, modality=modality, language=language))


def _span(request: dict[str, Any], tables: TextTables, number: int) -> dict[str, Any]:
    text = _string(request, "text", number)
    start, end = _offset(request.get("start")), _offset(request.get("end"))
    if text is None or start is None or end is None or not start < end <= len(text):
        raise InputError(f"line {number}: start, end: no span of the text", remedy="Give code points of the text.")
    section = _string(request, "section", number)
    known = Section(section) if section in set(Section) else None
    found = read_span(text, start, end, tables, section=known, language=_string(request, "language", number))
    return {
        "certainty": found.certainty,
        "temporality": TIMES[found.temporality],
        "experiencer": found.experiencer,
    }


def _string(request: dict[str, Any], name: str, number: int) -> str | None:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"line {number}: {name}: not a string", remedy="Give a string or null.")
    return value


def _offset(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
