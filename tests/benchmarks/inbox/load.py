"""The load: HTTP/1.1 over kept connections, as lean as Python can, in a process of its own.

`load.py PORT[,PORT…] CONNECTIONS SECONDS RATE SECRET` sends reports as a FHIR server's rest-hook does (PUT of the whole
resource), each of a new id; RATE 0: every connection sends as soon as it has its answer. Prints one JSON object.
"""

import asyncio
import itertools
import json
import resource
import sys
import time

import uvloop

PATIENTS = 2000
_TEXT = "The paravertebral soft tissue mass at T8 is unchanged in size and enhances homogeneously. " * 16
_BODY = (
    '{"resourceType":"DiagnosticReport","id":"%s","meta":{"versionId":"1","lastUpdated":"2026-01-05T10:00:00.000+00:00"'
    '},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"RAD"}]'
    '}],"code":{"coding":[{"system":"http://loinc.org","code":"24627-2"}],"text":"CT chest"},"subject":{"reference":'
    '"Patient/%s"},"effectiveDateTime":"2026-01-05T09:30:00Z","issued":"2026-01-05T10:00:00Z","conclusion":"'
    + _TEXT
    + '"}'
)
_NUMBERS = itertools.count()


class Sent:
    """What all connections did."""

    def __init__(self) -> None:
        self.latency_s: list[float] = []
        self.refused = 0
        self.stopped = False


class Sender(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, sent: Sent, head: str, *, again: bool) -> None:
        self._sent, self._head, self._again = sent, head, again
        self._got = b""
        self.idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if self._again:
            self.send()

    def send(self) -> None:
        number = next(_NUMBERS)
        # The instant is part of the id, so that the data store tells how long the event took from here.
        ident = f"{time.time_ns() // 1_000_000}-{number}-{self._head[-7:-4]}"
        body = (_BODY % (ident, f"p{number % PATIENTS}")).encode()
        self.idle, self._started = False, time.perf_counter()
        self._transport.write((self._head % (ident, len(body))).encode() + body)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        at = got[:end].lower().find(b"content-length:")
        length = int(got[at + 15 : end].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(got) < end + 4 + length:
            return
        self._sent.latency_s.append(time.perf_counter() - self._started)
        if got[9:12] not in (b"200", b"201"):
            self._sent.refused += 1
        self._got, self.idle = b"", True
        if self._again and not self._sent.stopped:
            self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._sent.stopped:
            self._sent.refused += 1


async def load(ports: list[int], connections: int, seconds: float, rate: float, secret: str) -> dict[str, float]:
    """Send for `seconds`; the figures."""
    sent, loop = Sent(), asyncio.get_running_loop()
    senders = []
    started, cpu = time.perf_counter(), time.process_time()
    for number in range(connections):
        port = ports[number % len(ports)]
        head = (
            f"PUT /fhir-notification/DiagnosticReport/%s HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/fhir+json\r\nX-Emhwatch-Secret: {secret}\r\n"
            f"Content-Length: %d\r\nX-Connection: {number:03}\r\n\r\n"
        )
        _, sender = await loop.create_connection(
            lambda head=head: Sender(sent, head, again=rate == 0),
            "127.0.0.1",
            port,  # type: ignore[misc]
        )
        senders.append(sender)
    if rate:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            next(sender for sender in senders if sender.idle).send()
    else:
        await asyncio.sleep(seconds)
    took, used = time.perf_counter() - started, time.process_time() - cpu
    sent.stopped = True
    done = len(sent.latency_s)
    await asyncio.sleep(0.5)
    ordered = sorted(sent.latency_s[:done])
    return {
        "rate": done / took,
        "p50_ms": ordered[done // 2] * 1000,
        "p99_ms": ordered[int(done * 0.99)] * 1000,
        "refused": sent.refused,
        "cpu_share": used / took,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    ports = [int(port) for port in sys.argv[1].split(",")]
    found = uvloop.run(load(ports, int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]))
    print(json.dumps(found))
