"""A FHIR server in memory that can do what real ones do: be away, refuse, count anew, lose, tell of topics."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx

from emhwatch.fhir.auth import NoAuthorization
from emhwatch.fhir.base import FhirBase
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.retry import RetryPolicy
from emhwatch.fhir.transport import Limits, Transport

BASE = "https://fhir.example/r4"
Resource = dict[str, Any]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class ScriptedServer:
    """Answers requests of a `FhirClient`; `now` is its own clock."""

    now: datetime = START
    types: tuple[str, ...] = ("Subscription", "Basic", "DiagnosticReport", "Observation")
    history: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    away: bool = False
    page: int = 100
    refuse: Callable[[str, Resource], bool] = lambda _method, _body: False
    events: Callable[[int, int], Resource] | None = None
    requests: list[str] = field(default_factory=list)
    kept: dict[str, list[Resource]] = field(default_factory=dict)  #: versions by Type/id
    deleted: dict[str, int] = field(default_factory=dict)

    def client(self) -> FhirClient:
        wire = Transport(
            FhirBase.parse(BASE),
            authorization=NoAuthorization(),
            limits=Limits(retry=RetryPolicy(attempts=1)),
            transport=httpx.MockTransport(self.answer),
        )
        return FhirClient(wire)

    def put(self, resource: Resource, *, at: datetime | None = None) -> Resource:
        """Store a version, `lastUpdated` now or at another instant."""
        reference = f"{resource['resourceType']}/{resource['id']}"
        versions = self.kept.setdefault(reference, [])
        meta = {
            **resource.get("meta", {}),
            "versionId": str(len(versions) + 1),
            "lastUpdated": (at or self.now).isoformat(timespec="milliseconds"),
        }
        versions.append({**resource, "meta": meta})
        return versions[-1]

    def delete(self, reference: str) -> None:
        self.deleted[reference] = len(self.kept[reference]) + 1

    def of(self, kind: str) -> list[Resource]:
        """The current resources of a type."""
        live = [v[-1] for reference, v in self.kept.items() if reference not in self.deleted]
        return [r for r in live if r["resourceType"] == kind]

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/r4/")
        self.requests.append(f"{request.method} {path}")
        if self.away:
            raise httpx.ConnectError("away")
        body = json.loads(request.content) if request.content and request.method in ("POST", "PUT") else {}
        if self.refuse(f"{request.method} {path}", body):
            return httpx.Response(422, json={"resourceType": "OperationOutcome", "issue": [{"code": "processing"}]})
        params = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if path == "metadata":
            return httpx.Response(200, json=self._metadata())
        kind, _, rest = path.partition("/")
        if rest == "_history":
            return httpx.Response(200, json=self._history(kind, params))
        if rest.endswith("$events"):
            assert self.events is not None
            first, last = int(params["eventsSinceNumber"]), int(params["eventsUntilNumber"])
            return httpx.Response(200, json=self.events(first, last))
        if request.method == "GET":
            return httpx.Response(200, json=self._search(kind, params))
        if request.method == "DELETE":
            self.delete(path)
            return httpx.Response(204)
        ident = rest or f"s{len(self.kept) + 1}"
        return httpx.Response(200 if rest else 201, json=self.put({**body, "id": ident}))

    def _metadata(self) -> Resource:
        codes = {kind: ["create", "search-type"] + ["history-type"] * (kind in self.history) for kind in self.types}
        resources = [{"type": k, "interaction": [{"code": c} for c in found]} for k, found in codes.items()]
        for entry in resources:
            if entry["type"] == "Subscription":
                entry["operation"] = [{"name": name} for name in self.operations]
                entry["supportedProfile"] = list(self.profiles)
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "resource": resources}],
        }

    def _search(self, kind: str, params: dict[str, str]) -> Resource:
        found = self.of(kind)
        if "_lastUpdated" in params:
            since = datetime.fromisoformat(params["_lastUpdated"].removeprefix("ge"))
            found = [r for r in found if datetime.fromisoformat(r["meta"]["lastUpdated"]) >= since]
        if "_tag" in params:
            found = [r for r in found if any(t["code"] in params["_tag"] for t in r["meta"].get("tag", []))]
        found.sort(key=lambda r: str(r["meta"]["lastUpdated"]))
        start = int(params.get("offset", 0))
        bundle: Resource = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": r} for r in found[start : start + self.page]],
        }
        if start + self.page < len(found):
            query = "&".join(f"{k}={v.replace('+', '%2B')}" for k, v in params.items() if k != "offset")
            bundle["link"] = [{"relation": "next", "url": f"{BASE}/{kind}?{query}&offset={start + self.page}"}]
        return bundle

    def _history(self, kind: str, params: dict[str, str]) -> Resource:
        since = datetime.fromisoformat(params["_since"])
        entries = list(self._entries(kind, since))
        return {"resourceType": "Bundle", "type": "history", "entry": entries[::-1]}

    def _entries(self, kind: str, since: datetime) -> Iterator[Resource]:
        for reference, versions in self.kept.items():
            if not reference.startswith(f"{kind}/"):
                continue
            for version in versions:
                if datetime.fromisoformat(version["meta"]["lastUpdated"]) >= since:
                    yield {"resource": version, "request": {"method": "PUT", "url": reference}}
            if number := self.deleted.get(reference):
                yield {"request": {"method": "DELETE", "url": reference}, "response": {"etag": f'W/"{number}"'}}

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
