"""JWK Sets of callers, fetched only from configured addresses and kept for a while."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import jwt

_FRESH_S = 600.0
#: After a fetch, an unknown key id or a failure asks again only after this: an attacker cannot make us a hammer.
_PAUSE_S = 30.0
_TIMEOUT_S = 3.0
_MAX_BYTES = 256 * 1024


@dataclass(slots=True)
class _KeySet:
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    read_at: float = float("-inf")  #: last success
    tried_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """Keys by address and key id."""

    def __init__(self, http: httpx.AsyncClient, monotonic: Callable[[], float]) -> None:
        self._http, self._monotonic = http, monotonic
        self._sets: dict[str, _KeySet] = {}

    async def key(self, url: str, kid: str) -> jwt.PyJWK | None:
        """The key, fetched anew when it is not known; None when the set does not hold it or cannot be had."""
        known = self._sets.setdefault(url, _KeySet())
        if self._due(known, kid):
            async with known.lock:
                if self._due(known, kid):
                    await self._fetch(url, known)
        return known.keys.get(kid)

    def _due(self, known: _KeySet, kid: str) -> bool:
        now = self._monotonic()
        stale = now - known.read_at > _FRESH_S
        return (stale or kid not in known.keys) and now - known.tried_at > _PAUSE_S

    async def _fetch(self, url: str, known: _KeySet) -> None:
        """Old keys stay in use while the address fails: a client must not go dark because its key server does."""
        known.tried_at = self._monotonic()
        try:
            async with asyncio.timeout(_TIMEOUT_S), self._http.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    return
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        return
            keys = jwt.PyJWKSet.from_json(body.decode("utf-8")).keys
        except (httpx.HTTPError, TimeoutError, ValueError, jwt.PyJWTError):
            return
        known.keys = {key.key_id: key for key in keys if key.key_id}
        known.read_at = known.tried_at
