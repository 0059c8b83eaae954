"""A hospital that files reports and tells the service of each until it has a 2xx; and what must hold in the end."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import select

from emhwatch.demo.hapi import free_port
from emhwatch.errors import FhirError
from emhwatch.inbox.schema import DONE, SUPERSEDED, event
from emhwatch.inbox.status import counts
from emhwatch.intake.senders import HEADER, PATH
from emhwatch.store.database import Database, open_database
from emhwatch.types import Resource
from tests.support.site import TAG, Site, site

ROOT = Path(__file__).resolve().parents[2]
SECRET = "proof"
_START_S, _DRAIN_S = 60.0, 400.0
_EACH_S = 0.6  #: for each version that was filed: a HAPI on a busy machine takes its time
_PAUSE_S = (0.05, 0.2)  #: between two reports of one sender
_LEVELS = ("T6 to T8", "T7 to T9", "T8 to T10", "T9 to T11")


class Serving:
    """One process of the service at a time, on one port and one data store."""

    def __init__(
        self,
        fhir: str,
        store: str,
        folder: Path,
        *,
        words: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.port, self.words = free_port(), words
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"serve-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("EMHWATCH_")} | {
            "EMHWATCH_FHIR_BASE_URL": fhir,
            "EMHWATCH_STORE_URL": store,
            "EMHWATCH_WEB_PORT": str(self.port),
            "EMHWATCH_INTAKE_SECRET": SECRET,
            # Searches see nothing of this hospital: whatever is lost stays lost.
            "EMHWATCH_INTAKE_MODE": "poll",
            "EMHWATCH_INTAKE_TAG": "https://emhwatch.example/fhir/test|nobody",
            "EMHWATCH_PUBLISH_AUDIT": "off",
            "EMHWATCH_TELEMETRY_LOG_LEVEL": "WARNING",
            **(environ or {}),
        }

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *_: object) -> None:
        if not self.dead:
            self.end()

    async def start(self, *fate: str) -> None:
        """Start it with a fate, and return when it answers."""
        command = [sys.executable, "-m", "tests.proofs.dying", *fate, *self.words]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=out, stderr=out)  # noqa: ASYNC220
        async with asyncio.timeout(_START_S), httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"{self.url}/livez")).is_success:
                        return
                except httpx.HTTPError:
                    if self.dead:
                        raise RuntimeError(self.log.read_text()[-2000:]) from None
                await asyncio.sleep(0.05)

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self._process is None or self._process.poll() is not None

    def said(self) -> set[str]:
        """What its log says of faults, in words."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return {line["words"] for line in lines if line.get("words")}

    def send(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait; returns how the process ended (negative: by which signal)."""
        assert self._process is not None
        self.send(number)
        return self._process.wait(30)

    async def died(self) -> int:
        """Wait until it has killed itself."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, 60)


@dataclass
class Hospital:
    """Files on a real server; `told` is everything that got a 2xx."""

    site: Site
    urls: Sequence[str]  #: of the service's processes; none: nobody is told
    dice: random.Random
    patients: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)  #: newest version by report
    of: dict[str, str] = field(default_factory=dict)  #: patient by report
    told: list[tuple[str, str]] = field(default_factory=list)  #: report and version
    stop: bool = False

    async def open(self, patients: int) -> None:
        """Patients with a disease that causes EMH."""
        for _ in range(patients):
            ident = await self.site.patient()
            self.patients.append(ident)
            await self.site.file(
                {
                    "resourceType": "Condition",
                    "subject": {"reference": f"Patient/{ident}"},
                    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "D56.1"}]},
                }
            )

    async def work(self, http: httpx.AsyncClient, *, reports: int | None = None) -> None:
        """File reports and amendments, each told until it has arrived, until `stop` or so many were filed."""
        filed = 0
        while not self.stop and (reports is None or filed < reports):
            filed += 1
            report, version = await self._file()
            while self.urls and not await self._tell(http, report, version):
                await asyncio.sleep(0.1)
            if self.urls:
                self.told.append((report, version))
            await asyncio.sleep(self.dice.uniform(*_PAUSE_S))

    async def _file(self) -> tuple[str, str]:
        old = self.dice.choice(list(self.versions)) if self.versions and self.dice.random() < 0.3 else None
        patient = self.of[old] if old else self.dice.choice(self.patients)
        when = datetime.now(UTC) - timedelta(hours=1)
        # One change of a report at a time, as a radiology system does it.
        self.versions.pop(old or "", None)
        body: Resource = {
            "resourceType": "DiagnosticReport",
            "id": old or f"proof-{uuid.UUID(int=self.dice.getrandbits(128))}",
            "meta": {"tag": [{"system": TAG, "code": self.site.tag}]},
            "status": "amended" if old else "final",
            "code": {"text": "CT of the chest"},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": when.isoformat(timespec="seconds"),
            "conclusion": f"Smooth paravertebral masses on both sides, {self.dice.choice(_LEVELS)}.",
        }
        while (made := await self._put(body)) is None:
            await asyncio.sleep(0.2)
        report, version = str(made["id"]), str(made["meta"]["versionId"])
        self.versions[report], self.of[report] = int(version), patient
        return report, version

    async def _put(self, body: Resource) -> Resource | None:
        """File it under its own id, so that filing twice is filing once; None: the server is away."""
        try:
            return await self.site.client.update(body)
        except FhirError:
            return None

    async def _tell(self, http: httpx.AsyncClient, report: str, version: str) -> bool:
        body = {
            "resourceType": "DiagnosticReport",
            "id": report,
            "meta": {"versionId": version},
            "subject": {"reference": f"Patient/{self.of[report]}"},
        }
        try:
            path = f"{self.dice.choice(self.urls)}{PATH}/DiagnosticReport/{report}"
            return (await http.put(path, json=body, headers={HEADER: SECRET})).is_success
        except httpx.HTTPError:
            return False

    @property
    def owed(self) -> list[tuple[str, str]]:
        """What must be in the inbox: what got a 2xx; where nobody is told, the newest version of each report."""
        return self.told if self.urls else [(report, str(version)) for report, version in self.versions.items()]

    async def wrong(self, store: Database) -> list[str]:
        """What does not hold: an accepted event lost or dead, a patient out of order, results doubled or missing."""
        rows = (await store.read(lambda c: c.execute(select(event).order_by(event.c.id)).all())) or []
        kept = {(row.resource_id, row.version): row for row in rows}
        wrong = [f"lost {one}" for one in self.owed if one not in kept]
        wrong += [
            f"not done {one}: {row.state} {row.reason}"
            for one, row in kept.items()
            if row.state not in (DONE, SUPERSEDED)
        ]
        last: dict[str, int] = {}
        for row in rows:
            if row.state == DONE and row.finished < last.get(row.lane, 0):
                wrong.append(f"out of order {row.resource_id}/{row.version}")
            last[row.lane] = max(last.get(row.lane, 0), row.finished or 0)
        for patient in self.patients:
            wrong += await self._results(patient)
        return wrong

    async def _results(self, patient: str) -> list[str]:
        found = await self.site.results(patient)
        wrong = []
        for report in (one for one, of in self.of.items() if of == patient):
            start = f"DiagnosticReport/{report}/_history/"
            uris = {
                one["id"]: [str(x.get("valueUri", "")) for x in one.get("extension", ()) if "valueUri" in x]
                for one in found
            }
            mine = [one for one in found if any(start in uri for uri in uris[one["id"]])]
            times = Counter(one["identifier"][0]["value"] for one in mine)
            if not mine:
                wrong.append(f"no result of {report}")
            if any(number > 1 for number in times.values()):
                wrong.append(f"doubled {report}")
            newest = f"{start}{self.versions[report]}"
            if any(one["status"] != "entered-in-error" and newest not in " ".join(uris[one["id"]]) for one in mine):
                wrong.append(f"old result of {report}")
        return wrong


@asynccontextmanager
async def hospital(fhir: str, *serving: Serving, seed: int, patients: int = 6) -> AsyncIterator[Hospital]:
    """A hospital on the server at `fhir` that tells one of `serving`."""
    async with site(fhir) as place:
        opened = Hospital(place, [one.url for one in serving], random.Random(seed))
        await opened.open(patients)
        yield opened


async def settled(store_url: str, there: Hospital) -> list[str]:
    """Wait until nothing is to be done any more; then what does not hold."""
    store = await asyncio.to_thread(open_database, store_url)
    try:
        async with asyncio.timeout(_DRAIN_S + _EACH_S * len(there.owed)):
            # What nobody tells comes in by a search, some time after it was filed.
            while not there.urls and await _missing(store, there):
                await asyncio.sleep(0.5)
            while (await store.read(counts)).waiting:
                await asyncio.sleep(0.1)
        return await there.wrong(store)
    finally:
        await store.close()


async def _missing(store: Database, there: Hospital) -> bool:
    kept = await store.read(lambda c: c.execute(select(event.c.resource_id, event.c.version)).all())
    return not {tuple(row) for row in kept}.issuperset(there.owed)
