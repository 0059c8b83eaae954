"""Many evaluations: a JSON request a line, a JSON result a line, in order; a bad line costs only itself."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from emhwatch.commands.evaluator import Evaluator
from emhwatch.errors import InputError
from emhwatch.settings import Settings

CHUNK = 16  #: lines that one process takes at once
AHEAD = 4  #: chunks a process may be ahead of the output, which bounds the memory
T = TypeVar("T")

_evaluator: Evaluator | None = None  #: of this worker process


def run_batch(path: Path, settings: Settings, workers: int) -> int:
    """Write the results to stdout; 1 when a line failed."""
    failures = 0
    progress = Progress(path)
    try:
        with path.open("rb") as lines:
            for size, output, failed in _results(_counted(lines), settings, workers):
                sys.stdout.buffer.write(output + b"\n")
                failures += failed
                progress.step(size)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"{path}: cannot be read ({error.strerror}).", remedy="Check the path.") from None
    finally:
        progress.end()
    sys.stdout.buffer.flush()
    return 1 if failures else 0


def _counted(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _results(lines: Iterator[tuple[int, bytes]], settings: Settings, workers: int) -> Iterator[tuple[int, bytes, bool]]:
    if workers == 1:
        evaluator = Evaluator.of(settings)
        for number, line in lines:
            yield (len(line), *evaluator.line(number, line))
        return
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(settings,)) as pool:
        waiting: deque[Future[list[tuple[int, bytes, bool]]]] = deque()
        for chunk in _chunks(lines, CHUNK):
            waiting.append(pool.submit(_work, chunk))
            if len(waiting) > workers * AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _start(settings: Settings) -> None:
    global _evaluator
    _evaluator = Evaluator.of(settings)


def _work(chunk: list[tuple[int, bytes]]) -> list[tuple[int, bytes, bool]]:
    assert _evaluator is not None  # noqa: S101 - the pool ran `_start`
    return [(len(line), *_evaluator.line(number, line)) for number, line in chunk]


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(items, size)):
        yield chunk


class Progress:
    """A bar on stderr when it is a terminal and the work takes over a second."""

    def __init__(self, path: Path) -> None:
        self._total = path.stat().st_size if path.is_file() else 0
        self._done = 0
        self._began = self._shown = time.monotonic()
        self._active = sys.stderr.isatty() and self._total > 0

    def step(self, size: int) -> None:
        """So many bytes more are done."""
        self._done += size
        now = time.monotonic()
        if self._active and now - self._began > 1 and now - self._shown > 0.2:
            self._shown = now
            share = min(1.0, self._done / self._total)
            print(f"\r[{'#' * int(share * 30):30}] {share:4.0%}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Remove the bar."""
        if self._active and self._shown > self._began:
            print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
