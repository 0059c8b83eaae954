"""Who may notify, and how each sender proves who it is. Secrets are compared in constant time and never logged."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from emhwatch.errors import SenderUntrusted, SubscriptionUnknown

PATH = "/fhir-notification"
HEADER = "X-Emhwatch-Secret"
_REMEDY = f"Send the secret in the header {HEADER}, or as a bearer token."


def slot_secret(secret: str, slot: str) -> str:
    """The secret of one sender: nobody who learns it can speak for another."""
    return hmac.new(secret.encode(), slot.encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Reverse proxies that end mutual TLS for us and say whose certificate it was."""

    addresses: frozenset[str] = frozenset()
    header: str = ""
    subjects: tuple[str, ...] = ()  #: without blanks

    def vouch(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether a configured proxy says that the sender's certificate is one that we know."""
        if address not in self.addresses or not self.header:
            return False
        given = "".join(headers.get(self.header, "").split()).encode()
        return any(hmac.compare_digest(given, known.encode()) for known in self.subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """All that may notify this service."""

    secret: str  #: of Subscriptions that somebody made by hand, at the endpoint itself
    slots: Mapping[str, str]  #: secret by name below the endpoint
    by_hand: frozenset[str] = frozenset()  #: ids of the Subscriptions made by hand
    proxies: Proxies = field(default_factory=Proxies)

    def check(self, slot: str, headers: Mapping[str, str], address: str, *, query_secret: str = "") -> None:
        """Refuse whoever does not prove who it is.

        Args:
            slot: name below the endpoint, empty for the endpoint itself.
            headers: of the request; names in any case.
            address: of whoever made the connection.
            query_secret: of services that can send no header.

        Raises:
            SubscriptionUnknown: nobody notifies us there.
            SenderUntrusted: the secret is missing or wrong, and no proxy vouches for the sender.
        """
        expected = self.slots.get(slot) if slot else self.secret
        if not expected:
            raise SubscriptionUnknown(remedy="See `emhwatch subscriptions list`.")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = headers.get(HEADER.lower()) or (token.strip() if scheme.lower() == "bearer" else "") or query_secret
        if hmac.compare_digest(given.encode(), expected.encode()) or self.proxies.vouch(headers, address):
            return
        raise SenderUntrusted("The secret is missing or wrong.", remedy=_REMEDY)
