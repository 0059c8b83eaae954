"""The chart of an event from the FHIR server: a bounded number of requests, all pages, and what is missing is named.

Every event becomes evaluations of reports or studies (policy 2.7): a report is evaluated itself; a study is, while it
has no report, else its reports are; other data of the patient (hemoglobin, diagnosis, order, procedure, pathology,
merge, death) evaluate the newest imaging report anew. Search results are taken whole; which resource belongs to the
patient is decided once, in `chart.build`.

Failures: what may pass (server down, throttled, credentials) is raised, so that the inbox tries again. What will not
pass (forbidden, search not supported) costs that part of the chart only and is named in `incomplete`; the focus and the
Patient are never left out silently.
"""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from emhwatch.chart.relevance import (
    attachments,
    concerns_us,
    is_imaging,
    newest_imaging,
    reports_of_study,
    states_mass,
    subject_of,
)
from emhwatch.chart.searches import Search, person, plan
from emhwatch.errors import FHIR_LASTING, FhirError, FhirNotFound, FhirRejected
from emhwatch.model.event import ResourceEvent
from emhwatch.model.shape import obj, objects, text
from emhwatch.ports import ChartData, FhirReader, Query
from emhwatch.tables.load import TableSet
from emhwatch.types import Resource


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of one event."""

    concurrency: int = 4  #: attachments at once
    merges: int = 5  #: merge links followed
    attachments: int = 20  #: attachments fetched, newest reports first
    attachment_bytes: int = 10_000_000
    reports_of_study: int = 5  #: evaluations that one ImagingStudy event may cause


class ServerChartFetcher:
    """Implements `ports.ChartFetcher` on one configured server."""

    def __init__(self, reader: FhirReader, tables: TableSet, *, limits: FetchLimits | None = None) -> None:
        self._reader, self._tables, self._limits = reader, tables, limits or FetchLimits()

    async def fetch(self, event: ResourceEvent) -> Sequence[ChartData]:
        """One `ChartData` for each evaluation that the event causes; empty when it concerns nothing of ours.

        Raises:
            FhirError: the server could not be read now; the event is to be tried again.
        """
        try:
            if event.deleted:
                return await self._withdrawn(event)
            changed = await self._reader.read(event.reference)
        except FhirNotFound:
            return await self._withdrawn(event)
        if not concerns_us(changed, self._tables):
            return ()
        chart = await self._chart(changed)
        if chart is None:
            return (ChartData(focus=event.reference, patient=None, resources=(changed,)),)
        return [
            ChartData(
                focus=focus, patient=chart.patient, resources=tuple(chart.resources), incomplete=tuple(chart.incomplete)
            )
            for focus in self._focuses(event, changed, chart.resources)
        ]

    def _focuses(self, event: ResourceEvent, changed: Resource, resources: Sequence[Resource]) -> list[str]:
        """What is to be evaluated."""
        if event.resource_type == "ImagingStudy":
            reports = reports_of_study(changed, resources, self._tables)[: self._limits.reports_of_study]
            return reports or [event.reference]
        if event.resource_type == "DiagnosticReport" and is_imaging(changed, self._tables):
            return [event.reference]
        newest = newest_imaging(resources, self._tables)
        if newest is None and states_mass(changed, self._tables):
            return [event.reference]
        return [newest] if newest else []

    async def _withdrawn(self, event: ResourceEvent) -> Sequence[ChartData]:
        """A deleted report or study: its patient is that of the version before, if the server still has it."""
        if event.resource_type not in ("DiagnosticReport", "ImagingStudy"):
            return ()
        before = await self._before(event)
        chart = await self._chart(before) if before else None
        if chart is None:
            return (ChartData(focus=event.reference, patient=None, resources=(), withdrawn=True),)
        rest = tuple(r for r in chart.resources if f"{r.get('resourceType')}/{r.get('id')}" != event.reference)
        return (
            ChartData(
                focus=event.reference,
                patient=chart.patient,
                resources=rest,
                withdrawn=True,
                incomplete=tuple(chart.incomplete),
            ),
        )

    async def _before(self, event: ResourceEvent) -> Resource | None:
        if not (event.version or "").isdigit() or int(event.version or 0) < 2:
            return None
        try:
            return await self._reader.read(event.reference, version=str(int(event.version or 0) - 1))
        except FHIR_LASTING:
            return None

    async def _chart(self, changed: Resource) -> "_Chart | None":
        """The patient with all records; None when the resource names no patient of this server."""
        found = _Chart(resources=[changed], incomplete=[])
        if changed.get("resourceType") == "Patient":
            named: str | None = f"Patient/{changed.get('id')}"
        else:
            named = await self._named(subject_of(changed))
        if named is None:
            return None
        records = await self._alone(named, found)
        if records is None:
            found.patient, ids = await self._patient(named, found)
            records = await self._searched(plan(ids, self._tables))
        for resources, code in records:
            found.resources += resources
            found.incomplete += [code] if code else []
        await self._attachments(found)
        found.incomplete = sorted(set(found.incomplete))
        return found

    async def _alone(self, reference: str, into: "_Chart") -> "list[_Part] | None":
        """Patient and records asked for together; None when the patient is not there or has been merged."""
        kind, _, ident = reference.partition("/")
        if kind != "Patient" or "/" in ident:
            return None
        patient, merged, *records = await self._searched([*person(ident), *plan([ident], self._tables)])
        found = [r for r in patient[0] if r.get("resourceType") == "Patient" and r.get("id") == ident]
        if len(found) != 1 or objects(found[0], "link") or merged[0]:
            return None
        into.patient = reference
        into.resources += found
        return records

    async def _named(self, subject: Resource) -> str | None:
        """Reference of the patient: as it stands, or by its identifier on this server."""
        reference = text(subject, "reference")
        if reference is not None and not reference.startswith(("#", "urn:")) and "?" not in reference:
            return reference
        identifier = obj(subject, "identifier")
        value = text(identifier, "value")
        if reference is not None or value is None:
            return None
        token = f"{text(identifier, 'system') or ''}|{value}"
        try:
            matches = await self._reader.search("Patient", [("identifier", token)], max_resources=2)
        except FHIR_LASTING:
            return None
        found = [r for r in matches.resources if r.get("resourceType") == "Patient"]
        return f"Patient/{found[0].get('id')}" if len(found) == 1 else None

    async def _patient(self, reference: str, into: "_Chart") -> tuple[str | None, list[str]]:
        """The surviving record, and the ids of all records that were merged."""
        ids: list[str] = []
        current: str | None = reference
        for _ in range(self._limits.merges):
            try:
                patient = await self._reader.read(current or "")
            except FHIR_LASTING:
                into.incomplete.append("fetch-patient")
                break
            into.resources.append(patient)
            ids.append(str(patient.get("id")))
            links = [obj(link, "other") for link in objects(patient, "link") if link.get("type") == "replaced-by"]
            current = text(links[0], "reference") if len(links) == 1 else None
            if current is None or current.rpartition("/")[2] in ids:
                break
        ids = ids or [reference.partition("/_history")[0].rpartition("/")[2]]
        into.resources += (older := await self._merged_into(ids[-1]))
        surviving = f"Patient/{ids[-1]}"
        return surviving, list(dict.fromkeys([*ids, *(str(r.get("id")) for r in older)]))

    async def _merged_into(self, ident: str) -> list[Resource]:
        """Records that were merged into this one; a server that cannot search for links keeps them to itself."""
        try:
            found = await self._reader.search("Patient", [("link", f"Patient/{ident}")], max_resources=20)
        except FHIR_LASTING:
            return []
        return [r for r in found.resources if r.get("resourceType") == "Patient"]

    async def _searched(self, searches: Sequence[Search]) -> "list[_Part]":
        """All searches; without the parameters that a server may not know, where it refuses them."""
        answers = list(await self._reader.search_together([Query(s.kind, s.params, s.limit) for s in searches]))
        refused = [
            number
            for number, (search, answer) in enumerate(zip(searches, answers, strict=True))
            if isinstance(answer, FhirRejected) and search.plain != search.params
        ]
        if refused:
            plain = [Query(searches[n].kind, searches[n].plain, searches[n].limit) for n in refused]
            for number, answer in zip(refused, await self._reader.search_together(plain), strict=True):
                answers[number] = answer
        return [
            ([], search.code)
            if isinstance(answer, FhirError)
            else (list(answer.resources), None if answer.complete else "cut-off")
            for search, answer in zip(searches, answers, strict=True)
        ]

    async def _attachments(self, found: "_Chart") -> None:
        """Fetch what reports and documents only link to, from this server alone."""
        gate = asyncio.Semaphore(self._limits.concurrency)
        links = list(attachments(found.resources))[: self._limits.attachments]
        fetched = await asyncio.gather(*(self._binary(link, gate) for link in links))
        for binary in fetched:
            if binary is None:
                found.incomplete.append("fetch-binary")
            else:
                found.resources.append(binary)

    async def _binary(self, link: str, gate: asyncio.Semaphore) -> Resource | None:
        try:
            async with gate:
                data, content_type = await self._reader.binary(link, max_bytes=self._limits.attachment_bytes)
        except FHIR_LASTING:
            return None
        ident = link.partition("/_history")[0].rpartition("/")[2]
        return {
            "resourceType": "Binary",
            "id": ident,
            "contentType": content_type,
            "data": base64.b64encode(data).decode(),
        }


#: What one search found, and what is missing after it.
_Part: TypeAlias = tuple[list[Resource], str | None]


@dataclass(slots=True)
class _Chart:
    """What was fetched of one patient."""

    resources: list[Resource]
    incomplete: list[str]
    patient: str | None = None
