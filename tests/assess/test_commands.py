"""`emhwatch assess` and `emhwatch screen` as users call them."""

import json
from pathlib import Path
from typing import Any

import pytest

from emhwatch.cli import main
from tests.assess.bundles import T, bundle, condition, hb, order, report

NTDT = condition("191189009")
FITS = report("FINDINGS: Bilateral smooth lobulated paraspinal masses T9-T11 which contain fat.")
NOW = T.isoformat()


def as_bundle(*parts: Any) -> dict[str, Any]:
    entries = [{"fullUrl": f"urn:x:{r['id']}", "resource": r} for r in bundle(*parts)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(as_bundle(NTDT, FITS, hb(95, 100), hb(90, 1))))
    return path


FIELDS = [
    "id",
    "indicator",
    "row",
    "tier",
    "card",
    "hold_offered",
    "mass",
    "site",
    "blood",
    "danger",
    "biopsy",
    "histology",
    "names_emh",
    "supporting",
    "opposing",
    "net",
    "major",
    "masses",
    "facts",
    "missing",
    "cards",
    "observations",
    "rules",
]


def test_json_has_every_field_of_the_interface(patient: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code = main(["assess", str(patient), "--focus", "DiagnosticReport/r1", "--now", NOW, "--json"])
    document = json.loads(capfdbinary.readouterr().out)
    assert code == 0
    assert set(FIELDS) <= set(document) and "error" not in document
    assert (document["row"], document["card"], document["id"]) == ("R6", "W-1", "DiagnosticReport/r1")
    assert len(document["cards"]) == 1 and document["observations"]
    fact = next(f for f in document["facts"] if f["key"] == "intralesional_fat")
    text = "FINDINGS: Bilateral smooth lobulated paraspinal masses T9-T11 which contain fat."
    assert text[fact["start"] : fact["end"]] == fact["text"] and fact["mass"] == 0 and fact["source"] == "text"
    assert {f["source"] for f in document["facts"]} <= {"text", "coded", "lab"}
    keys = [(f["key"], f["mass"]) for f in document["facts"]]
    assert len(keys) == len(set(keys))


def test_view_tells_the_row_the_reasons_and_the_card(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", str(patient), "--focus", "DiagnosticReport/r1", "--now", NOW]) == 0
    out = capsys.readouterr().out
    for words in ("row R6", "no: not biopsy in done-pending", "decided", "Hemoglobin,", "Card (warning)"):
        assert words in out


def test_order_offers_the_hold(patient: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    draft = tmp_path / "order.json"
    draft.write_text(json.dumps(order(status="draft")))
    main(["assess", str(patient), "--focus", "DiagnosticReport/r1", "--now", NOW, "--order", str(draft), "--json"])
    document = json.loads(capfdbinary.readouterr().out)
    assert (document["biopsy"], document["hold_offered"]) == ("ordered", True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give either a bundle or --batch"),
        (["nowhere.json"], "nowhere.json: cannot be read"),
        (["{patient}", "--now", "yesterday"], "`now` is not an instant with offset"),
        (["{patient}", "--now", "2025-06-15T12:00:00"], "`now` is not an instant with offset"),
        (["--batch", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["--batch", "x", "--workers", "0"], "--workers"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(
    arguments: list[str], words: str, patient: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["assess", *(a.format(patient=patient) for a in arguments)]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error


@pytest.mark.parametrize("workers", ["1", "2"])
def test_batch_keeps_the_order_and_a_bad_line_costs_itself(
    workers: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    good = {"bundle": as_bundle(NTDT, FITS), "focus": "DiagnosticReport/r1", "now": NOW, "draft_order": None}
    lines = [json.dumps({"id": f"p{n}"} | good) for n in range(40)]
    lines[3:3] = ['{"id": "broken", "bundle": {', '{"id": "list", "bundle": []}', "[]", "", '{"id": 7, "bundle": null}']
    path = tmp_path / "batch.jsonl"
    path.write_text("\n".join(lines))
    assert main(["assess", "--batch", str(path), "--workers", workers]) == 1
    found = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    expected = [f"p{n}" for n in range(40)]
    expected[3:3] = ["broken", "list", None, "7"]  # type: ignore[list-item]
    assert [d["id"] for d in found] == expected
    for document in found:
        assert set(FIELDS) <= set(document)
        wrong = document["id"] in ("broken", "list", None, "7")
        assert ("error" in document) == wrong
        assert document["row"] == ("R0" if wrong else "R6")
        assert not wrong or (document["tier"], document["mass"]) == ("not-assessed", "unknown")


def test_screen_writes_rows_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export, out = tmp_path / "export", tmp_path / "out"
    export.mkdir()
    resources = bundle(NTDT, FITS)
    twin = {
        "resourceType": "Patient",
        "id": "q",
        "link": [{"other": {"reference": "Patient/p"}, "type": "replaced-by"}],
    }
    low = [r | {"subject": {"reference": "https://x.example/fhir/Patient/q"}, "id": f"h{n}"} for n, r in
           enumerate([hb(95, 100), hb(95, 1)])]  # fmt: skip
    other = [{"resourceType": "Patient", "id": "z"}]
    for kind in ("Patient", "Condition", "DiagnosticReport", "Observation"):
        found = [r for r in (*resources, twin, *low, *other) if r["resourceType"] == kind]
        (export / f"{kind}.ndjson").write_text("".join(json.dumps(r) + "\n" for r in found))
    with (export / "Condition.ndjson").open("a") as lines:
        lines.write("no json\n")
    assert main(["screen", str(export), "--out", str(out), "--now", NOW]) == 1
    found = [json.loads(line) for line in (out / "assessments.ndjson").read_text().splitlines()]
    assert {d["id"]: (d["row"], d["blood"]) for d in found} == {
        "Patient/p": ("R6", "B1"),
        "Patient/z": ("R4", "unknown"),
    }
    table = parquet.read_table(out / "assessments.parquet").to_pylist()
    assert sorted(row["id"] for row in table) == ["Patient/p", "Patient/z"]
    assert "2 patients, 1 reports" in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["assessments.ndjson", "assessments.parquet", "summary.md"]
