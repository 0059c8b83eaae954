"""Who we are for the FHIR server: the `Authorization` header of a request."""

import base64
from typing import Protocol


class Authorization(Protocol):
    """A source of the header; the client sends it to the configured base only."""

    async def header(self) -> str | None:
        """The value to send now, or None."""
        ...

    def reject(self, header: str) -> bool:
        """The server answered 401 to this value; True when another one can be had."""
        ...


class NoAuthorization:
    """No header: an open server, or one that knows us by our certificate."""

    async def header(self) -> str | None:
        """None."""
        return None

    def reject(self, header: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """There is no other value."""
        return False


class FixedAuthorization:
    """A header that does not change: basic, or a bearer token that an operator issued."""

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def basic(cls, user: str, password: str) -> "FixedAuthorization":
        """HTTP basic authentication."""
        return cls("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())

    @classmethod
    def bearer(cls, token: str) -> "FixedAuthorization":
        """A bearer token."""
        return cls(f"Bearer {token}")

    async def header(self) -> str | None:
        """The value."""
        return self._value

    def reject(self, header: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """There is no other value."""
        return False
