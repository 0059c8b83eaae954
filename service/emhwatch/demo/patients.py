"""Demo patients: TOML files to FHIR resources with dates near today. The clinical content stands in the files."""

import base64
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from emhwatch.types import Resource

#: Everything that the demonstration creates carries this tag; it finds and removes only what has it.
TAG = {"system": "urn:emhwatch:demo", "code": "emhwatch-demo"}
REPORT_HOURS = 2  #: a report of "day-0" was issued this long ago


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out, before and with the order."""

    row: str
    tier: str
    card: str | None
    hold: bool


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """One fictional patient; every `subject` is the reference that was given to `demo_patients`."""

    name: str
    title: str
    expected: Expected
    patient: Resource
    chart: tuple[Resource, ...]  #: on file before the reports
    studies: tuple[Resource, ...]  #: one ImagingStudy a report, filed before it
    reports: tuple[Resource, ...]  #: in the order of filing
    order: Resource  #: draft ServiceRequest
    texts: tuple[str, ...]  #: of the reports


def demo_patients(now: datetime | None = None) -> Sequence[DemoPatient]:
    """All patients, dates counted back from `now` (default: this moment)."""
    moment = now or datetime.now(UTC)
    folder = files("emhwatch.demo") / "patients"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    return [_patient(item.name.removesuffix(".toml"), tomllib.loads(item.read_text("utf-8")), moment) for item in found]


def _patient(name: str, content: dict[str, Any], now: datetime) -> DemoPatient:
    expected = content["expected"]
    filed = [_resource(entry, now) for entry in content["reports"]]
    texts = tuple(entry["plain_text"] for entry in content["reports"])
    return DemoPatient(
        name=name,
        title=content["title"],
        expected=Expected(expected["row"], expected["tier"], expected.get("card"), expected["hold"]),
        patient=_resource({"resourceType": "Patient"} | content["patient"], now, subject=False),
        chart=tuple(_resource(entry, now) for entry in content.get("chart", [])),
        studies=tuple(_study(report) for report in filed),
        reports=tuple(filed),
        order=_resource(
            {"resourceType": "ServiceRequest", "status": "draft", "intent": "order"} | content["order"], now, tag=False
        ),
        texts=texts,
    )


def _resource(entry: dict[str, Any], now: datetime, *, subject: bool = True, tag: bool = True) -> Resource:
    resource = {key: _dated(value, now) for key, value in entry.items() if key != "plain_text"}
    if "plain_text" in entry:
        data = base64.b64encode(entry["plain_text"].strip().encode()).decode()
        resource["presentedForm"] = [{"contentType": "text/plain; charset=utf-8", "data": data}]
    if subject:
        resource["subject"] = {"reference": ""}
    if tag:
        resource["meta"] = {"tag": [TAG]}
    return resource


def _dated(value: Any, now: datetime) -> Any:  # noqa: ANN401 - a JSON value
    """`day-3` is an instant three days ago, `years-44` the birth date of somebody who is 44 today."""
    if isinstance(value, str) and value.startswith("day-"):
        moment = now - timedelta(days=int(value.removeprefix("day-")), hours=REPORT_HOURS)
        return moment.isoformat(timespec="seconds")
    if isinstance(value, str) and value.startswith("years-"):
        born = (now - timedelta(days=30)).date().replace(day=1)
        return born.replace(year=born.year - int(value.removeprefix("years-"))).isoformat()
    return value


def _study(report: Resource) -> Resource:
    """The ImagingStudy that a report describes."""
    return {
        "resourceType": "ImagingStudy",
        "status": "available",
        "subject": {"reference": ""},
        "started": report["effectiveDateTime"],
        "description": report["code"]["text"],
        "meta": {"tag": [TAG]},
    }


def with_subject(resource: Resource, reference: str) -> Resource:
    """The resource of the patient `reference` (`Patient/…` or a `urn:uuid:` of the same transaction)."""
    return resource | {"subject": {"reference": reference}}
