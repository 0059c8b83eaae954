"""SMART Backend Services: an access token for a signed assertion (SMART App Launch 2.2, backend-services).

A new assertion for every attempt; one renewal at a time however many requests wait for it; renewed at 75 % of its
life or 30 s before its end, whichever is earlier.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from emhwatch.errors import ConfigurationError, FhirUnauthorized, FhirUnavailable
from emhwatch.fhir.base import is_protected
from emhwatch.fhir.discovery import SmartConfiguration, clock_skew_s
from emhwatch.fhir.keys import KeyFile
from emhwatch.fhir.scopes import as_v1, missing
from emhwatch.ports import Clock

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFE_S = 240  # at most five minutes ahead; one minute is left for a clock that runs late
_DEFAULT_LIFE_S = 60.0  # `expires_in` is recommended, not promised
_SKEW_WORTH_CORRECTING_S = 5.0
_ERRORS = frozenset({"invalid_client", "invalid_scope", "invalid_grant", "invalid_request", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    renew_at: float  #: on the event loop's clock, which no clock change can move
    ends_at: float


class BackendServices:
    """An `Authorization` by client credentials. Tokens live in memory only."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        discover: Callable[[], Awaitable[SmartConfiguration | None]],
        client_id: str,
        keys: KeyFile,
        scopes: tuple[str, ...],
        clock: Clock,
        token_url: str = "",
    ) -> None:
        self._http, self._discover, self._keys, self._clock = http, discover, keys, clock
        self._client_id, self._asked = client_id, scopes
        self._fixed_url, self._server = (
            token_url,
            None if not token_url else SmartConfiguration(token_url, frozenset(), frozenset()),
        )
        self._token: _Token | None = None
        self._renewal = asyncio.Lock()
        self._skew_s = 0.0
        self.granted: tuple[str, ...] | None = None  #: None until the first token, or when the server does not say

    async def header(self) -> str | None:
        """`Bearer ...`, renewed when due.

        Raises:
            FhirUnauthorized: the server refuses the client.
            FhirUnavailable: the token endpoint could not be reached.
            ConfigurationError: no token endpoint, an unsafe one, or no usable key.
        """
        now = asyncio.get_running_loop().time()
        token = self._token
        if token is not None and now < token.renew_at:
            return token.header
        async with self._renewal:
            if self._token is not None and self._token is not token:
                return self._token.header
            try:
                self._token = await self._fetch()
            except FhirUnavailable:
                # The old one still works for a while: an outage of the token endpoint is no outage of ours yet.
                if token is None or now >= token.ends_at:
                    raise
                return token.header
            return self._token.header

    def reject(self, header: str) -> bool:
        """Drop the token that was refused; another can be had."""
        if self._token is not None and self._token.header == header:
            self._token = None
        return True

    def missing_scopes(self) -> tuple[str, ...]:
        """What was asked for and not granted; empty before the first token."""
        return () if self.granted is None else missing(self._asked, self.granted)

    async def _fetch(self) -> _Token:
        server = await self._configuration()
        response = await self._ask(server)
        if response.status_code in (400, 401) and abs(self._measure_skew(response)) > _SKEW_WORTH_CORRECTING_S:
            response = await self._ask(server)
        if response.status_code >= 500 or response.status_code == 429:
            raise FhirUnavailable("The token endpoint is failing.", http_status=response.status_code)
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.status_code != 200 or not isinstance(body, dict):
            reason = body.get("error") if isinstance(body, dict) else None
            named = f" ({reason})" if reason in _ERRORS else ""
            raise FhirUnauthorized(
                f"The token endpoint refuses the client{named}.",
                remedy="Check the client id, the registered key set, the scopes and the clock.",
                http_status=response.status_code,
            )
        return self._accept(body)

    def _accept(self, body: dict[str, object]) -> _Token:
        access, kind = body.get("access_token"), body.get("token_type")
        if not isinstance(access, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise FhirUnauthorized("The token endpoint answered without a bearer token.")
        life = body.get("expires_in")
        life_s = float(life) if isinstance(life, int | float) and life > 0 else _DEFAULT_LIFE_S
        scope = body.get("scope")
        self.granted = tuple(scope.split()) if isinstance(scope, str) else None
        now = asyncio.get_running_loop().time()
        return _Token(f"Bearer {access}", now + max(min(life_s * 0.75, life_s - 30.0), life_s * 0.5), now + life_s)

    async def _ask(self, server: SmartConfiguration) -> httpx.Response:
        now = int(self._clock.now().timestamp() + self._skew_s)
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": server.token_endpoint,
            "iat": now,
            "exp": now + _ASSERTION_LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(as_v1(self._asked) if server.scopes_v1_only else self._asked),
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._keys.sign(claims),
        }
        try:
            return await self._http.post(server.token_endpoint, data=form, headers={"Accept": "application/json"})
        except httpx.HTTPError:
            raise FhirUnavailable("The token endpoint could not be reached.") from None

    def _measure_skew(self, response: httpx.Response) -> float:
        measured = clock_skew_s(response.headers.get("date"), self._clock.now()) or 0.0
        change, self._skew_s = measured - self._skew_s, measured
        return change

    async def _configuration(self) -> SmartConfiguration:
        if self._server is None:
            self._server = await self._discover()
        if self._server is None:
            raise ConfigurationError("The FHIR server names no token endpoint.", remedy="Set EMHWATCH_FHIR_TOKEN_URL.")
        if not is_protected(self._server.token_endpoint):
            raise ConfigurationError(
                "The token endpoint is not reached over TLS.", remedy="Use an https token endpoint."
            )
        return self._server
