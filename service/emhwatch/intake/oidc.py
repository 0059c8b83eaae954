"""Whether a push of Pub/Sub carries the token of the configured service account."""

from dataclasses import dataclass

import jwt

from emhwatch.fhir.keysets import KeySets
from emhwatch.ports import Clock

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_LEEWAY_S = 60
_MAX_TOKEN = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class PushToken:
    """Checks OpenID Connect tokens; the keys are read from one configured address only."""

    keysets: KeySets
    keys_url: str
    audience: str
    account: str  #: e-mail address of the service account
    clock: Clock

    async def accepted(self, token: str) -> bool:
        """Whether it is signed by the issuer, meant for us, of the account, and valid now."""
        if not token or len(token) > _MAX_TOKEN:
            return False
        try:
            header = jwt.get_unverified_header(token)
            key = await self.keysets.key(self.keys_url, str(header.get("kid")))
            if key is None:
                return False
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self.audience,
                # The times are checked against the one clock of the service.
                options={"require": ["exp", "iat", "iss", "aud"], "verify_exp": False, "verify_iat": False},
            )
            now = self.clock.now().timestamp()
            timely = float(claims["iat"]) - _LEEWAY_S <= now <= float(claims["exp"]) + _LEEWAY_S
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            return False
        known = claims["iss"] in ISSUERS and claims.get("email") == self.account
        return timely and known and claims.get("email_verified") is True
