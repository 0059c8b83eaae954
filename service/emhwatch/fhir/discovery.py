"""What a server says of itself: SMART configuration and CapabilityStatement."""

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emhwatch.types import Resource


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """The parts of `.well-known/smart-configuration` that a backend service needs."""

    token_endpoint: str
    capabilities: frozenset[str]
    algorithms: frozenset[str]  #: empty: the server does not say

    @classmethod
    def parse(cls, body: object) -> "SmartConfiguration | None":
        """None when there is no token endpoint in it."""
        if not isinstance(body, dict) or not isinstance(body.get("token_endpoint"), str):
            return None
        return cls(
            body["token_endpoint"],
            frozenset(_words(body.get("capabilities"))),
            frozenset(_words(body.get("token_endpoint_auth_signing_alg_values_supported"))),
        )

    @property
    def scopes_v1_only(self) -> bool:
        """Whether the server knows version 1 scopes but not version 2."""
        return "permission-v1" in self.capabilities and "permission-v2" not in self.capabilities


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What we ask of a CapabilityStatement."""

    fhir_version: str
    software: str
    rest: Mapping[str, Mapping[str, Any]]  #: by resource type
    transaction: bool
    security: frozenset[str]

    @classmethod
    def parse(cls, statement: Resource) -> "Capabilities":
        """Read a CapabilityStatement; missing parts count as not supported."""
        servers = [r for r in statement.get("rest") or [] if isinstance(r, dict) and r.get("mode") == "server"]
        rest = servers[0] if servers else {}
        software = statement.get("software") or {}
        resources = {r["type"]: r for r in rest.get("resource") or [] if isinstance(r, dict) and "type" in r}
        services = (rest.get("security") or {}).get("service") or []
        return cls(
            str(statement.get("fhirVersion", "")),
            f"{software.get('name', 'unknown')} {software.get('version', '')}".strip(),
            resources,
            any(i.get("code") == "transaction" for i in rest.get("interaction") or [] if isinstance(i, dict)),
            frozenset(c.get("code", "") for s in services for c in s.get("coding") or []),
        )

    def interactions(self, resource_type: str) -> frozenset[str]:
        """Interaction codes of one type ("read", "search-type", ...)."""
        found = self.rest.get(resource_type, {}).get("interaction") or []
        return frozenset(str(i.get("code")) for i in found if isinstance(i, dict))

    def operations(self, resource_type: str) -> frozenset[str]:
        """Names of the operations on one type, without the dollar sign."""
        found = self.rest.get(resource_type, {}).get("operation") or []
        return frozenset(str(o.get("name", "")).lstrip("$") for o in found if isinstance(o, dict))

    def client_ids(self, resource_type: str) -> bool:
        """Whether PUT may create a resource of this type under an id of ours."""
        return self.rest.get(resource_type, {}).get("updateCreate") is True


def clock_skew_s(date_header: str | None, now: datetime) -> float | None:
    """Seconds that the server's clock is ahead of ours; None when it does not say. Resolution one second."""
    if not date_header:
        return None
    try:
        there = email.utils.parsedate_to_datetime(date_header)
    except ValueError:
        return None
    return (there.replace(tzinfo=there.tzinfo or UTC) - now).total_seconds()


def _words(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
