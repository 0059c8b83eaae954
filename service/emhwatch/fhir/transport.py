"""One HTTP request to the configured server: bounded, timed out, authorized, retried only where that is safe."""

import asyncio
import importlib.util
import random
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from emhwatch.errors import ConfigurationError, FhirError, FhirRejected, FhirUnavailable, OutcomeUnknown
from emhwatch.fhir.auth import Authorization
from emhwatch.fhir.base import FhirBase, is_protected
from emhwatch.fhir.outcome import NOT_EXECUTED, retry_after_s
from emhwatch.fhir.retry import RetryPolicy
from emhwatch.telemetry import trace

if importlib.util.find_spec("sniffio") is None:
    # httpcore tries to import it at every lock, and Python searches the whole path anew for what is not there: a
    # fifth of a request's time. None in `sys.modules` says at once that there is no such module.
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # documented meaning of None, unknown to the stubs

#: Failures before anything was sent: the server cannot have done it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HEADERS = {"User-Agent": "emhwatch", "Accept-Encoding": "gzip, deflate"}
_AGAIN_WHEN_READING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every request."""

    timeout_s: float = 10.0  #: one attempt, from the first byte sent to the last received
    max_connections: int = 16
    max_bytes: int = 64 * 1024 * 1024
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]  #: names in lower case
    body: bytes
    attempts: int


class Transport:
    """Requests below one base URL. Redirects, cookies, proxies of the environment and `.netrc` are not used."""

    def __init__(
        self,
        base: FhirBase,
        *,
        authorization: Authorization,
        limits: Limits,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
        allow_http: bool = False,
    ) -> None:
        self.base, self._authorization, self._limits = base, authorization, limits
        self._allow_http = allow_http or is_protected(base.url)
        self._places = asyncio.Semaphore(limits.max_connections)
        # The transport below `httpx.AsyncClient`: there is nothing in it that could follow, remember or look up.
        self._wire = transport or httpx.AsyncHTTPTransport(
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=limits.max_connections, max_keepalive_connections=limits.max_connections
            ),
        )
        self._extensions = {"timeout": httpx.Timeout(limits.timeout_s).as_dict()}

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: tuple[tuple[str, str], ...] = (),
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        writes: bool = False,
        max_bytes: int | None = None,
    ) -> Answer:
        """Send one request; `url` is relative to the base, or absolute and below it.

        A read is sent again after any transient failure; a write only when the server certainly did not execute it.

        Raises:
            FhirRejected: the URL is not below the base, or the answer is larger than the bound.
            FhirUnavailable: no answer, and nothing was written.
            OutcomeUnknown: a write got no answer.
        """
        target = url if "://" in url else f"{self.base.url}/{url}" if url else self.base.url
        if not self.base.owns(target.partition("?")[0]):
            raise FhirRejected("A link leads away from the configured FHIR server and is not followed.")
        if params:
            target += ("&" if "?" in target else "?") + urlencode(params)
        attempt, renewed = 0, False
        while True:
            attempt += 1
            failure: FhirError | None = None
            answer: Answer | None = None
            credentials = await self._credentials()
            try:
                answer = await self._once(method, target, headers or {}, credentials, content, max_bytes, attempt)
            except _NEVER_SENT:
                failure = FhirUnavailable("The FHIR server could not be reached.")
            except (TimeoutError, httpx.RequestError):
                if writes:
                    raise OutcomeUnknown() from None
                failure = FhirUnavailable("The FHIR server did not answer.")
            if answer is not None:
                if answer.status == 401 and credentials and not renewed and self._authorization.reject(credentials):
                    renewed = True
                    continue
                again = NOT_EXECUTED - {401} if writes else _AGAIN_WHEN_READING
                if answer.status not in again:
                    return answer
            asked = retry_after_s(answer.headers) if answer else None
            pause = self._limits.retry.pause_s(attempt, asked, random.random)
            if pause is None:
                if failure is not None:
                    raise failure
                assert answer is not None  # noqa: S101 - one of the two is set
                return answer
            await asyncio.sleep(pause)

    async def _credentials(self) -> str | None:
        value = await self._authorization.header()
        if value and not self._allow_http:
            raise ConfigurationError(
                "Credentials would be sent without TLS.",
                remedy="Use an https base URL, or set EMHWATCH_FHIR_ALLOW_HTTP on a network that you trust.",
            )
        return value

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        credentials: str | None,
        content: bytes | None,
        max_bytes: int | None,
        attempt: int,
    ) -> Answer:
        all_headers = {**_HEADERS, **headers}
        if credentials:
            all_headers["Authorization"] = credentials
        if parent := trace.traceparent():
            all_headers[trace.HEADER] = parent
        bound = max_bytes or self._limits.max_bytes
        request = httpx.Request(method, url, headers=all_headers, content=content, extensions=self._extensions)
        async with self._places, asyncio.timeout(self._limits.timeout_s):
            response = await self._wire.handle_async_request(request)
            try:
                chunks, size = [], 0
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > bound:
                        raise FhirRejected("The answer of the FHIR server is larger than the limit.")
                    chunks.append(chunk)
            finally:
                await response.aclose()
        return Answer(
            response.status_code, {k.lower(): v for k, v in response.headers.items()}, b"".join(chunks), attempt
        )
