"""The one configured base URL: what may be asked of it, and which links belong to it.

A link from a payload is followed only when it lies below this base on the same origin, so that neither a request nor
a token can be led elsewhere (SMART App Launch, backend-services, "Server Obligations"; hazard: SSRF).
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from emhwatch.errors import ConfigurationError, FhirRejected

_REFERENCE = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?")
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; empty when it has none."""
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower(), 0)
    except ValueError:
        return "", "", 0


def is_private_to_machine(url: str) -> bool:
    """Whether the URL stays on this machine (loopback)."""
    host = origin(url)[1]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_protected(url: str) -> bool:
    """Whether what is sent there cannot be read on the way: TLS, or loopback."""
    return origin(url)[0] == "https" or is_private_to_machine(url)


@dataclass(frozen=True, slots=True)
class FhirBase:
    """Base URL of the server, without a slash at its end."""

    url: str

    @classmethod
    def parse(cls, url: str) -> "FhirBase":
        """Check a configured base URL.

        Raises:
            ConfigurationError: it is not an http(s) URL, or it carries a user, a query or a fragment.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigurationError(
                "EMHWATCH_FHIR_BASE_URL is not an http or https URL.",
                remedy="Set it to the FHIR R4 base of the server.",
            )
        if parts.username or parts.query or parts.fragment:
            raise ConfigurationError(
                "EMHWATCH_FHIR_BASE_URL holds more than a base.", remedy="Credentials belong into EMHWATCH_FHIR_AUTH."
            )
        return cls(url.rstrip("/"))

    def owns(self, url: str) -> bool:
        """Whether an absolute URL lies at or below this base."""
        if origin(url) != origin(self.url) or urlsplit(url).username is not None:
            return False
        base, path = urlsplit(self.url).path, urlsplit(url).path
        steps = path.split("/")
        return ".." not in steps and (path.rstrip("/") == base or path.startswith(f"{base}/"))

    def reference(self, text: str) -> tuple[str, str, str | None]:
        """Type, id and version of a relative reference, or of an absolute one to this server.

        Raises:
            FhirRejected: it names another server, or it is not a reference to one resource.
        """
        local = text
        if "://" in text:
            if not self.owns(text):
                raise FhirRejected("A reference names another server and is not followed.")
            local = text[len(self.url) :]
        match = _REFERENCE.fullmatch(local.strip("/"))
        if match is None:
            raise FhirRejected("A reference is not of the form Type/id.")
        return match[1], match[2], match[3]
