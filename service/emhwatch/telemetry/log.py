"""Structured logs without PHI: one JSON object a line, only listed fields, never the text of a foreign exception."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from emhwatch.errors import EmhError

#: Counts, codes, durations and names of our own things; ids of patients and reports are not among them.
FIELDS = frozenset(
    (
        "event",
        "trace",
        "source",
        "outcome",
        "reason",
        "words",
        "attempt",
        "waited_ms",
        "worked_ms",
        "resource_type",
        "code",
        "error",
        "frames",
        "service",
        "client",
        "status",
        "seconds",
        "row",
        "card",
        "silence",
        "version",
        "digest",
        "mode",
    )
)
_QUIET = ("httpx", "httpcore", "uvicorn.access", "alembic", "pypdf")  # they log URLs or contents

_bound: ContextVar[Mapping[str, object]] = ContextVar("bound")  # of the event or request that is in work


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": record.levelname}
        name = record.getMessage() if record.name.startswith("emhwatch") else f"{record.name}: {record.levelname}"
        return json.dumps({**line, "message": name, **_bound.get({}), **fields}, default=str)


def configure(level: str) -> None:
    """Send our lines to stderr as JSON and silence those who would log what was sent."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("emhwatch").setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Put these fields on every line that this task writes inside."""
    _check(fields)
    token = _bound.set({**_bound.get({}), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def log(message: str, *, level: int = logging.INFO, **fields: object) -> None:
    """One line; `message` is fixed text.

    Raises:
        ValueError: a field is not listed.
    """
    _check(fields)
    logging.getLogger("emhwatch").log(level, message, extra={"fields": fields})


def log_fault(message: str, error: BaseException) -> None:
    """An exception by its class, its code, where it came from and, of ours only, its words: a foreign one may quote."""
    frames = [f"{f.name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
    log(
        message,
        level=logging.ERROR,
        error=type(error).__name__,
        code=error.code if isinstance(error, EmhError) else None,
        words=error.message if isinstance(error, EmhError) else None,
        frames=frames,
    )


def _check(fields: Mapping[str, object]) -> None:
    unknown = fields.keys() - FIELDS
    if unknown:
        raise ValueError(f"log field not listed: {sorted(unknown)[0]}")
