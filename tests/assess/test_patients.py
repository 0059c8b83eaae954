"""The written patients of `tests/corpus/patients`: the answer was written down before the engine ran (README there)."""

from typing import Any

import pytest

from emhwatch.commands.evaluator import Evaluator, Request
from emhwatch.settings import Settings
from tests.assess.patients import FOLDER, Patient, patients

EVALUATOR = Evaluator.of(Settings())
FIELDS = {
    "indicator", "row", "tier", "card", "mass", "site", "blood", "danger", "biopsy", "histology", "names_emh",
    "supporting", "opposing",
}  # fmt: skip


#: Not right yet: the label stands, the reader does not get there.
OPEN = dict(line.split("\t") for line in (FOLDER / "open.tsv").read_text().splitlines() if not line.startswith("#"))


def cases() -> list[Any]:
    return [
        pytest.param(p, id=p.name, marks=[pytest.mark.xfail(reason=OPEN[p.name])] if p.name in OPEN else [])
        for p in patients()
    ]


@pytest.mark.parametrize("patient", cases())
def test_patient(patient: Patient) -> None:
    request = Request(
        id=patient.name,
        bundle=patient.bundle,
        focus=patient.focus,
        now=patient.now,
        draft_order=patient.draft_order,
    )
    got = EVALUATOR.answer(request).document
    assert "error" not in got or got["row"] == "R0"
    assert differences(patient.expected, got) == {}


def differences(expected: dict, got: dict) -> dict:
    """What differs: field or key -> (expected, got)."""
    found = {
        name: (value, got[name])
        for name, value in expected.items()
        if name in FIELDS and value != ("" if got[name] is None else got[name])
    }
    if expected["hold"] != got["hold_offered"]:
        found["hold"] = (expected["hold"], got["hold_offered"])
    if got["mass"] in expected.get("not_mass", ()):
        found["mass"] = ("not " + ", ".join(expected["not_mass"]), got["mass"])
    if expected.get("masses", len(got["masses"])) != len(got["masses"]):
        found["masses"] = (expected["masses"], len(got["masses"]))
    if expected.get("missing") and not got["missing"]:
        found["missing"] = ("something named", got["missing"])
    written = str(got["cards"]).lower()
    found |= {f"card: {word}": ("said", "not said") for word in expected.get("card_with", ()) if word not in written}
    values: dict[str, set[str]] = {}
    for fact in got["facts"]:
        values.setdefault(fact["key"], set()).add(fact["value"])
    for key, value in expected.get("facts", {}).items():
        if value not in values.get(key, {"unknown"}):
            found[key] = (value, sorted(values.get(key, {"unknown"})))
    for key in expected.get("not_present", {}).get("keys", ()):
        if "present" in values.get(key, ()):
            found[key] = ("not present", "present")
    return found
