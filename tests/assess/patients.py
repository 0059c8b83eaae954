"""Reads the written patients of `tests/corpus/patients` into FHIR bundles (the form is in the README there)."""

import base64
import json
import tomllib
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from tests.assess.bundles import ICD, SCT, SUBJECT, TEXTS, Json

FOLDER = Path(__file__).parents[1] / "corpus" / "patients"
NOW = datetime.fromisoformat("2026-03-10T12:00:00+00:00")
SYSTEMS = {"icd10cm": ICD, "sct": SCT, "icd10": "http://hl7.org/fhir/sid/icd-10", "loinc": "http://loinc.org"}
LOINC = {"hemoglobin": "718-7", "mcv": "787-2", "ferritin": "2276-4", "bilirubin": "1975-2", "reticulocytes": "17849-1"}
TERMS = "http://terminology.hl7.org/CodeSystem/"
CARRIERS = {"text": "text/plain", "html": "text/html", "rtf": "application/rtf", "pdf": "application/pdf"}


@dataclass(frozen=True, slots=True)
class Patient:
    """One written patient: the bundle, what is evaluated, and the answer that was written down."""

    name: str
    title: str
    bundle: Json
    focus: str
    now: datetime
    draft_order: Json | None
    expected: Json


def patients() -> list[Patient]:
    """All of the folder, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.toml"))]


def read(path: Path) -> Patient:
    """One file."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    draft = [_order(o) for o in content.get("order", ()) if o.get("draft")]
    reports = content.get("report", ())
    return Patient(
        name=path.stem,
        title=content["title"],
        bundle=json.loads(_filled(content["bundle"], content)) if "bundle" in content else _bundle(content),
        focus=content.get("focus") or f"DiagnosticReport/{reports[-1]['id']}",
        now=content.get("now", NOW),
        draft_order=draft[0] if draft else None,
        expected=content["expected"],
    )


def _bundle(content: Json) -> Json:
    made = [{"resourceType": "Patient", "id": "p"} | content["patient"]]
    for kind, build in BUILDERS.items():
        made += [build(item) for item in content.get(kind, ()) if not item.get("draft")]
    numbers = count()
    entries = [{"resource": {"id": f"x{next(numbers)}"} | resource} for resource in made]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _concept(item: Json) -> Json:
    concept: Json = {}
    if "code" in item:
        system, code = item["code"].split()
        concept["coding"] = [{"system": SYSTEMS[system], "code": code}]
    if "text" in item:
        concept["text"] = item["text"]
    return concept


def _status(system: str, code: str) -> Json:
    return {"coding": [{"system": TERMS + system, "code": code}]}


def _problem(item: Json) -> Json:
    made: Json = {"resourceType": "Condition", "subject": SUBJECT, "code": _concept(item)}
    for key, element, system in (
        ("clinical", "clinicalStatus", "condition-clinical"),
        ("verification", "verificationStatus", "condition-ver-status"),
    ):
        if key in item:
            made[element] = _status(system, item[key])
    for key, element in (("onset", "onsetDateTime"), ("abated", "abatementDateTime"), ("recorded", "recordedDate")):
        if key in item:
            made[element] = item[key]
    return made | item.get("fhir", {})


def _lab(item: Json) -> Json:
    number, unit = item["value"].split()
    made: Json = {
        "resourceType": "Observation",
        "status": item.get("status", "final"),
        "code": {"coding": [{"system": SYSTEMS["loinc"], "code": LOINC[item["name"]]}]},
        "subject": SUBJECT,
        "effectiveDateTime": item["date"],
        "valueQuantity": {"value": float(number), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }
    if "high" in item:
        made["referenceRange"] = [{"high": {"value": item["high"], "unit": unit}}]
    return made | item.get("fhir", {})


def _report(item: Json) -> Json:
    text, carrier = item["text"].strip(), item.get("carrier", "text")
    made: Json = {
        "resourceType": "DiagnosticReport",
        "id": item["id"],
        "status": item.get("status", "final"),
        "category": [{"coding": [{"system": TERMS + "v2-0074", "code": "RAD"}]}],
        "code": {"text": TEXTS[item["modality"]]},
        "subject": SUBJECT,
        "effectiveDateTime": item["date"],
    }
    if carrier == "conclusion":
        made["conclusion"] = text
    else:
        made["presentedForm"] = [{"contentType": CARRIERS[carrier], "data": _base64(_carried(text, carrier))}]
    return made | item.get("fhir", {})


def _carried(text: str, carrier: str) -> bytes:
    if carrier == "rtf":
        return ("{\\rtf1\\ansi " + text.replace("\n", "\\par\n") + "}").encode("ascii")
    return _pdf(text) if carrier == "pdf" else text.encode()


def _pdf(text: str) -> bytes:
    """One page in Helvetica, a line of the text a line."""
    lines = "".join(f"({line}) Tj T*\n" for line in text.replace("(", "\\(").replace(")", "\\)").splitlines())
    stream = f"BT /F1 11 Tf 14 TL 50 780 Td\n{lines}ET".encode("latin-1")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(made))
    return made + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def _pathology(item: Json) -> Json:
    category = [{"coding": [{"system": TERMS + "v2-0074", "code": "SP"}]}]
    return _report(item | {"modality": "CT"}) | {"category": category, "code": {"text": item["code"]}}


def _order(item: Json) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": item.get("id", "order"),
        "status": item.get("status", "active"),
        "intent": item.get("intent", "order"),
        "code": _concept(item),
        "subject": SUBJECT,
        "authoredOn": item["date"],
    } | ({"priority": item["priority"]} if "priority" in item else {}) | item.get("fhir", {})  # fmt: skip


def _procedure(item: Json) -> Json:
    return {
        "resourceType": "Procedure",
        "status": item.get("status", "completed"),
        "code": _concept(item),
        "subject": SUBJECT,
        "performedDateTime": item["date"],
    } | item.get("fhir", {})


def _drug(item: Json) -> Json:
    resource, moment = {
        "request": ("MedicationRequest", "authoredOn"),
        "statement": ("MedicationStatement", "effectiveDateTime"),
        "administration": ("MedicationAdministration", "effectiveDateTime"),
    }[item["kind"]]
    made = {"resourceType": resource, "status": item["status"], "medicationCodeableConcept": _concept(item)}
    return made | {"subject": SUBJECT, moment: item["date"]} | item.get("fhir", {})


def _resource(item: Json) -> Json:
    parsed: Json = json.loads(_filled(item["json"], item))
    return parsed


def _filled(written: str, texts: Json) -> str:
    """JSON in which `"@name"` stands for the base64 of the text of that name."""
    for name, text in texts.items():
        if isinstance(text, str):
            written = written.replace(f'"@{name}"', f'"{_base64(text.strip().encode())}"')
    return written


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


BUILDERS: dict[str, Any] = {
    "problem": _problem,
    "lab": _lab,
    "drug": _drug,
    "report": _report,
    "pathology": _pathology,
    "order": _order,
    "procedure": _procedure,
    "resource": _resource,
}
