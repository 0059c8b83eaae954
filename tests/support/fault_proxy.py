"""A proxy between the service and a real FHIR server that does what networks and gateways do.

It forwards to the real server; so what is behind it is always real behaviour. A fault is chosen per request.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit


class Fault(StrEnum):
    """What goes wrong with one request."""

    DROP_BEFORE = "drop-before"  #: the request never reaches the server
    DROP_AFTER = "drop-after"  #: the server has done it, the answer is lost
    CUT = "cut"  #: the server has done it, the network breaks in the middle of the answer
    SLOW = "slow"
    CONFLICT = "409"
    PRECONDITION = "412"
    THROTTLED = "429"
    UNAVAILABLE = "503"
    BAD_GATEWAY = "502"  #: the server has done it, the gateway says it failed


Chooser = Callable[[str, str], Fault | None]
_REFUSALS = {Fault.CONFLICT: 409, Fault.PRECONDITION: 412, Fault.THROTTLED: 429, Fault.UNAVAILABLE: 503}


def random_faults(seed: int, chances: dict[Fault, float], *, only: str = "POST PUT") -> Chooser:
    """Faults by chance, the same ones for the same seed and order of requests."""
    dice = random.Random(seed)

    def choose(method: str, _path: str) -> Fault | None:
        if method not in only.split():
            return None
        roll = dice.random()
        for fault, chance in chances.items():
            if roll < chance:
                return fault
            roll -= chance
        return None

    return choose


@dataclass
class FaultProxy:
    """The proxy; `choose` may be exchanged at any time."""

    url: str
    choose: Chooser
    slow_s: float = 0.2
    seen: Counter[str] = field(default_factory=Counter)
    requests: list[str] = field(default_factory=list)


@asynccontextmanager
async def fault_proxy(upstream: str, choose: Chooser = lambda _m, _p: None) -> AsyncIterator[FaultProxy]:
    """Run a proxy in front of `upstream` (a base URL)."""
    parts = urlsplit(upstream)
    proxy = FaultProxy("", choose)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while await _one(proxy, reader, writer, parts.hostname or "", parts.port or 80):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> bool:
    head = await _head(reader)
    if not head:
        return False
    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
    body = await reader.readexactly(_length(head))
    proxy.requests.append(f"{method} {path}")
    fault = proxy.choose(method, path)
    proxy.seen[fault or "none"] += 1
    if fault is Fault.DROP_BEFORE:
        return False
    if fault in _REFUSALS:
        retry = b"Retry-After: 0\r\n" if fault in (Fault.THROTTLED, Fault.UNAVAILABLE) else b""
        writer.write(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n%s\r\n" % (_REFUSALS[fault], retry))
        await writer.drain()
        return True
    if fault is Fault.SLOW:
        await asyncio.sleep(proxy.slow_s)
    answer = await _forward(head, body, host, port)
    if fault is Fault.DROP_AFTER:
        return False
    if fault is Fault.CUT:
        writer.write(answer[: len(answer) * 2 // 3])
        await writer.drain()
        return False
    if fault is Fault.BAD_GATEWAY:
        answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    writer.write(answer)
    await writer.drain()
    return b"connection: close" not in answer.split(b"\r\n\r\n", 1)[0].lower()


async def _forward(head: bytes, body: bytes, host: str, port: int) -> bytes:
    """The whole answer of the real server, with its length, so that the client's connection can stay open."""
    lines = [
        line
        for line in head.split(b"\r\n")
        if line and not line.lower().startswith((b"connection:", b"accept-encoding:"))
    ]
    upstream, sender = await asyncio.open_connection(host, port)
    try:
        sender.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
        await sender.drain()
        raw = await upstream.read()
    finally:
        sender.close()
    top, _, content = raw.partition(b"\r\n\r\n")
    kept = [
        line
        for line in top.split(b"\r\n")
        if not line.lower().startswith((b"connection:", b"transfer-encoding:", b"content-length:"))
    ]
    if b"transfer-encoding: chunked" in top.lower():
        content = _unchunked(content)
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(content), b"", b""]) + content


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _unchunked(content: bytes) -> bytes:
    parts = []
    while content:
        size, _, content = content.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            break
        parts.append(content[:length])
        content = content[length + 2 :]
    return b"".join(parts)
