"""Whether a caller is a registered client: signed JWT, in the order of the best practices of CDS Hooks.

A refusal says 401 and nothing else; tokens are never logged. Symmetric algorithms and `none` are never accepted.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from emhwatch.cds.clients import Client, Clients
from emhwatch.cds.schema import cds_token
from emhwatch.errors import CdsClientUntrusted
from emhwatch.fhir.keysets import KeySets
from emhwatch.ports import Clock, Database

_CLAIMS = ["iss", "aud", "exp", "iat", "jti"]
_MAX_TOKEN = 16_384
#: Longest life of a token that is accepted: its `jti` is kept that long.
_MAX_LIFE_S = 3600
_MAX_JTI = 256


@dataclass(frozen=True, slots=True)
class Trust:
    """Checks the `Authorization` header of a request."""

    clients: Clients
    keysets: KeySets
    database: Database
    clock: Clock

    async def check(self, header: str | None, *, audience: str, body: bytes) -> Client:
        """The client that calls.

        Raises:
            CdsClientUntrusted: without saying which check failed.
        """
        if self.clients.anonymous is not None and (header is None or not self.clients.registered):
            return self.clients.anonymous
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
            raise CdsClientUntrusted()
        try:
            return await self._verify(token.strip(), audience, body)
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError):
            raise CdsClientUntrusted() from None

    async def _verify(self, token: str, audience: str, body: bytes) -> Client:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
        client = self._client(header, claims)
        now = self.clock.now().timestamp()
        _check_times(claims, now, client.leeway_s)
        audiences = claims.get("aud")
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise CdsClientUntrusted()
        key = await self._key(client, header)
        jwt.decode(
            token,
            key,
            algorithms=[header["alg"]],
            issuer=client.iss,
            audience=audience,
            # Times were checked above, against the one clock of the service.
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        await self._once(client, claims, body)
        return client

    def _client(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Client:
        for client in self.clients.registered:
            if claims.get("iss") != client.iss or (client.tenants and claims.get("tenant") not in client.tenants):
                continue
            if header.get("alg") not in client.algorithms or header.get("typ") != "JWT" or not header.get("kid"):
                continue
            if header.get("jku") is not None and client.keys is None and header["jku"] not in client.jku:
                continue
            return client
        raise CdsClientUntrusted()

    async def _key(self, client: Client, header: Mapping[str, Any]) -> jwt.PyJWK:
        kid = str(header["kid"])
        if client.keys is not None:
            key = client.keys.get(kid)
        else:
            key = await self.keysets.key(header.get("jku") or client.jku[0], kid)
        if not isinstance(key, jwt.PyJWK) or (key.algorithm_name and key.algorithm_name != header["alg"]):
            raise CdsClientUntrusted()
        return key

    async def _once(self, client: Client, claims: Mapping[str, Any], body: bytes) -> None:
        """Refuse a token that was seen before, as the client's replay rule says."""
        jti = claims["jti"]
        if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI or not jti.isprintable():
            raise CdsClientUntrusted()
        if client.replay == "off":
            return
        row = {
            "client": client.id,
            "jti": jti,
            "digest": hashlib.sha256(str(claims["aud"]).encode() + b"\0" + body).hexdigest(),
            "expires": int((float(claims["exp"]) + client.leeway_s) * 1000),
        }

        def work(connection: Connection) -> str | None:
            place = (cds_token.c.client == client.id, cds_token.c.jti == jti)
            seen = connection.execute(select(cds_token.c.digest).where(*place)).scalar_one_or_none()
            if seen is None:
                connection.execute(insert(cds_token).values(row))
            return seen

        try:
            seen = await self.database.write(work)
        except IntegrityError:  # another replica was faster
            raise CdsClientUntrusted() from None
        if seen is not None and not (client.replay == "idempotent" and seen == row["digest"]):
            raise CdsClientUntrusted()


def _check_times(claims: Mapping[str, Any], now: float, leeway_s: float) -> None:
    expires, issued = float(claims["exp"]), float(claims["iat"])
    before = float(claims.get("nbf", issued - leeway_s))
    if not (now - leeway_s < expires <= now + _MAX_LIFE_S + leeway_s):
        raise CdsClientUntrusted()
    if issued > now + leeway_s or before > now + leeway_s or issued > expires:
        raise CdsClientUntrusted()
