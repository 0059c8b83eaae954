"""A hospital on a real FHIR server for one test: its own patients and reports, tagged, found again only by the tag."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from emhwatch.bootstrap import WallClock
from emhwatch.demo.removal import remove_patient
from emhwatch.fhir.base import is_private_to_machine
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.connect import connect
from emhwatch.settings import FhirSettings
from emhwatch.types import Resource

TAG = "https://emhwatch.example/fhir/test"


@dataclass
class Site:
    """A client of the server itself (without faults) and what was filed with it."""

    url: str
    client: FhirClient
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    patients: list[str] = field(default_factory=list)

    async def file(self, resource: Resource) -> Resource:
        return await self.client.create({**resource, "meta": {"tag": [{"system": TAG, "code": self.tag}]}})

    async def patient(self) -> str:
        filed = await self.file({"resourceType": "Patient", "name": [{"family": "Fictional"}], "gender": "female"})
        self.patients.append(filed["id"])
        return str(filed["id"])

    async def report(self, patient: str, *, status: str = "final", ident: str | None = None) -> str:
        """File a report, or its next version."""
        body = {
            "resourceType": "DiagnosticReport",
            "status": status,
            "code": {"text": "CT chest"},
            "subject": {"reference": f"Patient/{patient}"},
        }
        if ident is None:
            return str((await self.file(body))["id"])
        return str((await self.client.update({**body, "id": ident}))["id"])

    async def results(self, patient: str) -> list[Resource]:
        """Every Observation of the patient, as it stands."""
        found = await self.client.search("Observation", [("patient", patient)], max_resources=100_000)
        assert found.complete
        return [r for r in found.resources if r["resourceType"] == "Observation"]

    async def clear(self) -> None:
        """Take everything away again, referring resources first."""
        for patient in self.patients:
            assert await remove_patient(self.client, f"Patient/{patient}")


@asynccontextmanager
async def site(url: str) -> AsyncIterator[Site]:
    """A site on the server at `url`; a server that others use is left as it was."""
    client = connect(FhirSettings(base_url=url), clock=WallClock()).client
    place = Site(url, client)
    try:
        yield place
    finally:
        if not is_private_to_machine(url):
            await place.clear()
        await client.close()
