"""The demonstration's loop: file, wait for the Observation, ask for the card, compare, remove."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from emhwatch.demo.patients import TAG, DemoPatient, with_subject
from emhwatch.demo.removal import remove_patient
from emhwatch.demo.screen import Outcome, show_card
from emhwatch.errors import FhirError
from emhwatch.fhir.client import FhirClient
from emhwatch.tables.output import OutputTables
from emhwatch.types import Resource

SERVICE_ID = "emh-order-sign"
_WAIT_S, _STEP_S = 60.0, 0.05


@dataclass(frozen=True, slots=True)
class Filed:
    """References of one patient on the server."""

    patient: str
    report: str  #: the last one
    filed_at: float  #: monotonic instant after it was filed


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One run on one FHIR server with one service."""

    client: FhirClient
    service_url: str
    output: OutputTables
    show: Callable[[str], None]
    colour: bool = False

    async def run(self, patients: Sequence[DemoPatient], *, keep: bool) -> list[Outcome]:
        """All patients, one after the other.

        Raises:
            FhirError: the server does not take the demonstration's resources.
        """
        outcomes, filed = [], []
        try:
            for patient in patients:
                place = await self._file(patient)
                filed.append(place)
                outcomes.append(await self._one(patient, place))
        finally:
            if not keep:
                for place in filed:
                    await self._remove(place)
        return outcomes

    async def _file(self, patient: DemoPatient) -> Filed:
        owner = f"Patient/{(await self.client.create(patient.patient))['id']}"
        for resource in patient.chart:
            await self.client.create(with_subject(resource, owner))
        report = ""
        for study, words in zip(patient.studies, patient.reports, strict=True):
            seen = await self.client.create(with_subject(study, owner))
            linked = with_subject(words, owner) | {"imagingStudy": [{"reference": f"ImagingStudy/{seen['id']}"}]}
            report = f"DiagnosticReport/{(await self.client.create(linked))['id']}"
        return Filed(owner, report, time.monotonic())

    async def _one(self, patient: DemoPatient, place: Filed) -> Outcome:
        found = await self._result(place)
        delay = time.monotonic() - place.filed_at
        cards = await self._cards(patient, place)
        self.show(f"\n{patient.title}")
        for line in patient.texts[-1].strip().splitlines():
            self.show(f"    {line}")
        for card in cards:
            self.show(show_card(card, colour=self.colour))
        if not cards:
            self.show("    (no card)")
        got_card = cards[0]["source"]["topic"]["code"] if cards else None
        hold = any(_removes(action) for card in cards for s in card.get("suggestions", []) for action in s["actions"])
        expected = patient.expected
        got = (found or ("no result", ""), got_card, hold)
        return Outcome(
            patient=patient.name,
            expected=f"{expected.row} {expected.tier}",
            got=" ".join(got[0]).strip(),
            card=got_card or "none",
            hold="yes" if hold else "no",
            delay=f"{delay * 1000:.0f} ms" if found else "-",
            ok=got == ((expected.row, expected.tier), expected.card, expected.hold),
        )

    async def _result(self, place: Filed) -> tuple[str, str] | None:
        """(row, tier) of the assessment of the last report, once it stands on the server."""
        code = f"{self.output.url('assessment')}|emh-assessment"
        params = [("patient", place.patient), ("code", code)]
        while time.monotonic() - place.filed_at < _WAIT_S:
            result = await self.client.search("Observation", params)
            of_report = [r for r in result.resources if f'"{place.report}' in json.dumps(r)]
            if found := [pair for r in of_report if (pair := _row_and_tier(r)) is not None]:
                return found[0]
            await asyncio.sleep(_STEP_S)
        return None

    async def _cards(self, patient: DemoPatient, place: Filed) -> list[dict[str, Any]]:
        """The cards that an EHR gets when a clinician signs the biopsy; the service fetches the chart itself."""
        order = with_subject(patient.order, place.patient) | {"id": "biopsy"}
        body = {
            "hook": "order-sign",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self.client.base.url,
            "context": {
                "userId": "Practitioner/demo",
                "patientId": place.patient.removeprefix("Patient/"),
                "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
            },
        }
        async with httpx.AsyncClient(timeout=30.0, trust_env=False) as http:
            answer = await http.post(f"{self.service_url}/cds-services/{SERVICE_ID}", json=body)
        if answer.status_code != httpx.codes.OK:
            self.show(f"    order-sign answered {answer.status_code}: {answer.text[:300]}")
            return []
        cards: list[dict[str, Any]] = answer.json()["cards"]
        return cards

    async def _remove(self, place: Filed) -> None:
        try:
            if await remove_patient(self.client, place.patient):
                return
            reason = "it is still referred to"
        except FhirError as error:
            reason = error.code
        self.show(f"    not everything could be removed ({reason}); it is tagged {TAG['code']}")


def _row_and_tier(observation: Resource) -> tuple[str, str] | None:
    if observation.get("status") == "entered-in-error":
        return None
    tier = _code(observation)
    row = next((c for c in observation.get("component", []) if _code_of(c.get("code")) == "row"), None)
    value = (_code(row) or row.get("valueString")) if row else None
    return (value, tier) if tier and value else None


def _code(node: Resource) -> str | None:
    return _code_of(node.get("valueCodeableConcept"))


def _code_of(concept: Resource | None) -> str | None:
    codings = (concept or {}).get("coding") or [{}]
    code = codings[0].get("code")
    return code if isinstance(code, str) else None


def _removes(action: dict[str, Any]) -> bool:
    """Whether a suggestion's action takes the order back: deletes the unsigned one or puts it on hold."""
    resource = action.get("resource") or {}
    return action["type"] == "delete" or (
        action["type"] == "update" and resource.get("status") in ("on-hold", "revoked")
    )
