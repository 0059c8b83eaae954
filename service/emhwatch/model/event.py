"""What arrives: one change of one resource on one configured server."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceEvent:
    """A change to look at. `(server, type, id, version)` is the key of the inbox."""

    server: str  #: name of the configured server, never a URL from a payload
    resource_type: str
    resource_id: str
    version: str | None  #: None when the sender did not say
    deleted: bool = False
    received: datetime | None = None

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.resource_type}/{self.resource_id}"
