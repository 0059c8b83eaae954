"""W3C Trace Context: what a request causes, down to the FHIR server, belongs to the trace that the request names.

A trace is kept as `{trace id}-{flags}`, 32 and 2 hexadecimal digits: it is stored with an event and comes back with its
work, in whatever process that is done. https://www.w3.org/TR/trace-context/
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from emhwatch.telemetry.log import bound

HEADER = "traceparent"
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
_NOT_SAMPLED = "00"

_current: ContextVar[str] = ContextVar("trace", default="")

_Scope = MutableMapping[str, Any]
_App = Callable[[_Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def received(traceparent: str) -> str:
    """The trace of a `traceparent` header; a new one, not sampled, where it is missing or not valid."""
    found = _PARENT.fullmatch(traceparent)
    if found is None or (found[1] == "00" and found[4]):
        return f"{secrets.token_hex(16)}-{_NOT_SAMPLED}"
    return f"{found[2]}-{found[3]}"


def current() -> str:
    """The trace that this task follows; empty when it follows none."""
    return _current.get()


def traceparent() -> str:
    """Header of a request that this task sends, with a new span; empty when it follows no trace."""
    ident, _, flags = _current.get().partition("-")
    return f"00-{ident}-{secrets.token_hex(8)}-{flags}" if ident else ""


@contextmanager
def following(trace: str, **fields: object) -> Iterator[None]:
    """Follow this trace, a new one if it is empty; each log line says so, with `fields` beside it."""
    token = _current.set(trace or received(""))
    try:
        with bound(trace=_current.get()[:32], **fields):
            yield
    finally:
        _current.reset(token)


class Traced:
    """ASGI application whose requests follow the trace that they name."""

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(
        self, scope: _Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve one connection of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given: bytes = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        with following(received(given.decode("latin-1"))):
            await self._app(scope, receive, send)
