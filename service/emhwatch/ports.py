"""What the pipeline needs of the outside; adapters implement these, tests may replace them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from emhwatch.errors import FhirError
from emhwatch.model.assessment import Assessment
from emhwatch.model.event import ResourceEvent
from emhwatch.model.history import History
from emhwatch.types import Resource

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The current instant, with offset."""
        ...


@dataclass(frozen=True, slots=True)
class SearchResult:
    """All pages of one search that were read."""

    resources: tuple[Resource, ...]
    complete: bool  #: False when the page or resource limit was reached first
    outcomes: tuple[str, ...] = ()  #: diagnostics of OperationOutcome entries, as issue codes


@dataclass(frozen=True, slots=True)
class Query:
    """One search of several that are asked together."""

    resource_type: str
    params: tuple[tuple[str, str], ...]
    max_resources: int = 1000


class FhirReader(Protocol):
    """Reads of one configured FHIR server. Every method raises the `FhirError` tree only."""

    async def read(self, reference: str, *, version: str | None = None) -> Resource:
        """Read `Type/id`, or one version of it."""
        ...

    async def search(
        self, resource_type: str, params: Sequence[tuple[str, str]], *, max_resources: int = 1000
    ) -> SearchResult:
        """Search and follow `next` links on the same server."""
        ...

    async def search_together(self, queries: Sequence[Query]) -> Sequence[SearchResult | FhirError]:
        """Several searches, in one request if the server can; an error of `FHIR_LASTING` stands in its search's place.

        Other errors are raised.
        """
        ...

    async def binary(self, reference: str, *, max_bytes: int) -> tuple[bytes, str | None]:
        """Raw bytes and content type of `Binary/id`; raises `FhirRejected` above `max_bytes`."""
        ...


class FhirWriter(Protocol):
    """Writes to one configured FHIR server."""

    async def transaction(self, bundle: Resource) -> Resource:
        """Post a transaction Bundle; `OutcomeUnknown` when no answer came back."""
        ...

    async def create(self, resource: Resource, *, if_none_exist: str | None = None) -> Resource:
        """Create, optionally conditionally."""
        ...

    async def update(self, resource: Resource, *, if_match: str | None = None) -> Resource:
        """Update by id."""
        ...

    async def delete(self, reference: str) -> None:
        """Delete `Type/id`; a resource that is already gone is no error."""
        ...


class Database(Protocol):
    """The data store. `work` runs outside the event loop on a SQLAlchemy Core connection inside a transaction."""

    dialect: str  #: "sqlite" or "postgresql"

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run reads."""
        ...

    async def write(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run writes; when this returns they are durable. Several calls may share one commit (savepoint each).

        `alone`: on PostgreSQL `work` is one statement, which commits by itself.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartData:
    """What was fetched for one event."""

    focus: str | None  #: "DiagnosticReport/r1"; None: nothing of this patient is to be evaluated
    patient: str | None  #: "Patient/p1" after following merges
    resources: tuple[Resource, ...]
    withdrawn: bool = False  #: the focus was deleted on the server (410)
    incomplete: tuple[str, ...] = ()  #: codes of what could not be fetched


class ChartFetcher(Protocol):
    """Reads the bounded set of resources that one event needs."""

    async def fetch(self, event: ResourceEvent) -> Sequence[ChartData]:
        """One `ChartData` for each evaluation that the event causes; empty when it concerns nothing of ours."""
        ...


class HistoryStore(Protocol):
    """Remembers what was shown and answered."""

    async def load(self, server: str, patient: str) -> History:
        """Everything remembered about one patient."""
        ...


class Publisher(Protocol):
    """Writes one assessment back, once."""

    async def publish(self, assessment: Assessment, event: ResourceEvent) -> Mapping[str, str]:
        """Write; returns our identifier -> "Type/id" on the server."""
        ...
