"""A site's own folder: what may be laid over, what is refused, and how it shows."""

from pathlib import Path

import pytest

from emhwatch.errors import ConfigurationError, TableError
from emhwatch.tables import codes, decision
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.tables.locate import table_files
from emhwatch.tables.source import TableFiles
from tests.tables.support import printed, table_set, text_of

LOCAL = "terminology/codes/local.csv"
HEAD = "concept,system,code,display,value,verified_by,note\n"
SYSTEM = (
    '[lab]\nurl = "urn:oid:1.2.3"\ntitle = "Laboratory"\nrelease = "1"\nlicence = "own"\ncopyright = "own"\n'
    'pattern = "[A-Z]+"\n'
)
CONSTANTS = "mappings/decision/constants.csv"
HOLD = "mappings/decision/hold.csv"


def laid(site: dict[str, str]) -> TableFiles:
    files = table_set(site=site)
    files.check_overlay()
    codes.parse(files)
    decision.parse(files)
    return files


def test_a_local_laboratory_code_is_found_and_shows_in_version_digest_and_origin() -> None:
    site = {
        "terminology/systems.toml": SYSTEM,
        LOCAL: HEAD + "hemoglobin,lab,HGB,Hb,,site,\n",
        "terminology/release.toml": 'site = "st-elsewhere.3"\n',
    }
    tables = TableSet(table_set(site=site))
    assert [e.value for e in tables.codes.find("urn:oid:1.2.3", "HGB")] == ["hemoglobin"]
    plain = TableSet(table_set())
    assert tables.version == f"{plain.version}+st-elsewhere.3"
    assert tables.digest != plain.digest and len(tables.digest) == 64
    assert "overlay" in tables.origin and "overlay" not in plain.origin


def test_without_a_name_the_overlay_still_shows() -> None:
    assert TableSet(table_set(site={LOCAL: HEAD + "scd,icd10cm,D57.9,x,,site,\n"})).version.endswith("+site")


def test_a_site_enables_a_system_that_it_has_a_licence_for() -> None:
    tables = TableSet(table_set(site={"terminology/systems.toml": "[cpt]\nenabled = true\n"}))
    assert tables.codes.find("http://www.ama-assn.org/go/cpt", "77012")


def test_silence_may_be_shorter() -> None:
    files = laid({CONSTANTS: "name,value\ndedup,30\noverride,0\n"})
    assert printed(files) == []
    constants = decision.parse(files).constants
    assert (constants["dedup"], constants["override"], constants["severe_hb"]) == (30, 0, 80)


@pytest.mark.parametrize(
    "row,word",
    [
        ("dedup,91", "outside what the policy leaves"),
        ("dedup,never", "outside what the policy leaves"),
        ("severe_hb,60", "does not leave this row"),
        ("danger_document,1", "does not leave this row"),
        ("my_constant,5", "no such row"),
    ],
)
def test_h30_other_thresholds_are_refused_at_their_line(row: str, word: str) -> None:
    (problem,) = printed(laid({CONSTANTS: f"# ours\nname,value\n{row}\n"}))
    assert problem.startswith(f"overlay/{CONSTANTS}:3: {row.split(',')[0]}: ") and word in problem


def test_a_locked_column_is_refused() -> None:
    (problem,) = printed(laid({CONSTANTS: "name,value,unit\ndedup,30,hours\n"}))
    assert "column unit may not be changed" in problem


@pytest.mark.parametrize(
    "path",
    ["mappings/decision/rows.csv", "mappings/decision/opposing.csv", "mappings/keys.csv", "mappings/overlay.csv",
     "mappings/decision/hb_limits.csv", "mappings/decision/grades.csv", "mappings/evidence.csv", "mappings/other.csv"],
)  # fmt: skip
def test_h30_what_decides_is_not_laid_over(path: str) -> None:
    (problem,) = printed(laid({path: "a,b\n1,2\n"}))
    assert problem.startswith(f"overlay/{path}:0: file: a site may not lay this file over ours")


def test_h22_the_hold_gate_only_becomes_stricter() -> None:
    files = laid({HOLD: "input,allowed,words\nnet,>=6,enough for us\n"})
    assert printed(files) == []
    gate = decision.parse(files).hold.rules[0]
    assert len(gate.conditions) == len(decision.parse(table_set()).hold.rules[0].conditions) + 1
    (problem,) = printed(laid({HOLD: "input,allowed,words\nyears,>=5,looser words\n"}))
    assert "one of ours" in problem


def test_our_codes_keep_their_meaning() -> None:
    path = "terminology/codes/blood-disorders.csv"
    (problem,) = printed(laid({path: HEAD + "scd,icd10cm,D56.1,Beta thalassemia,,site,\n"}))
    assert problem.startswith(f"overlay/{path}:2: scd: the row is one of ours")
    problems = printed(laid({LOCAL: HEAD + "scd,icd10cm,D56.1,Beta thalassemia,,site,\n"}))
    assert any("also stands under thal_beta" in p for p in problems)


def test_fields_of_our_systems_and_release_are_locked() -> None:
    (problem,) = printed(laid({"terminology/systems.toml": '[snomed]\nurl = "http://x.example"\n'}))
    assert "snomed.url: the field may not be changed" in problem
    (problem,) = printed(laid({"terminology/release.toml": 'version = "2030.1.0"\n'}))
    assert "version: the field may not be changed" in problem


def test_problems_of_the_site_are_checked_by_the_same_rules() -> None:
    (problem,) = printed(laid({LOCAL: HEAD + "hemoglobin,loinc,718-8,Hb,,site,\n"}))
    assert problem == f"overlay/{LOCAL}:2: 718-8: wrong check digit: compare it with LOINC"


def test_folder_on_disk(tmp_path: Path) -> None:
    target = tmp_path / "terminology" / "codes"
    target.mkdir(parents=True)
    (target / "local.csv").write_text(HEAD + "scd,icd10cm,D57.9,x,,site,\n")
    assert load_tables(None, str(tmp_path)).codes.find("http://hl7.org/fhir/sid/icd-10-cm", "D57.9")
    with pytest.raises(ConfigurationError):
        table_files(None, str(tmp_path / "nowhere"))
    (target / "local.csv").write_text(HEAD + "nothing,icd10cm,D57.9,x,,site,\n")
    load_tables.cache_clear()
    with pytest.raises(TableError, match=r"overlay/terminology/codes/local\.csv:2: nothing: unknown concept"):
        _ = load_tables(None, str(tmp_path)).codes


def test_the_rules_are_those_of_the_table() -> None:
    assert "mappings/decision/rows.csv" not in text_of("mappings/overlay.csv")
