"""Every number of the tables has a unit and a source; one without is a problem at its line."""

import re
from pathlib import Path

import pytest

from emhwatch.tables import constants, numbers
from emhwatch.tables.check import AUTHORING
from emhwatch.tables.load import TableSet
from emhwatch.text.read import read_report
from tests.tables.support import printed, table_set, text_of

POLICY = Path(__file__).resolve().parents[2] / "mappings" / "policy"
#: Words that a source may begin with when it is neither a section of the policy nor a piece of evidence.
OTHERS = ("design choice: ", "definition of ", "column ", "code system", "UCUM", "CDS Hooks")


def checked(changed: dict[str, str], site: dict[str, str] | None = None) -> list[str]:
    files = table_set(changed, site)
    numbers.check(files, AUTHORING)
    return printed(files)


def test_every_shipped_number_has_unit_and_source() -> None:
    assert checked({}) == []


@pytest.mark.parametrize(
    "path,old,new,problem",
    [
        (constants.PATH, "severe_hb,80,g/L,policy 4.5,", "severe_hb,80,,policy 4.5,", "severe_hb: value without unit"),
        (constants.PATH, "severe_hb,80,g/L,policy 4.5,", "severe_hb,80,g/L,,", "severe_hb: value without source"),
        ("mappings/decision/hb_limits.csv", ",110,policy 4.3; L54", ",110,", "limit_g_per_l without source"),
        ("mappings/decision/hold.csv", "years,>=5,years,", "years,>=5,,", "years: allowed without unit"),
        (numbers.PATH, "tiers.csv,net,points,policy 6.3", "tiers.csv,net,,policy 6.3", "net: no unit or no source"),
        (numbers.PATH, "tiers.csv,net,points,policy 6.3", "tiers.csv,nett,points,policy 6.3", "no number stands there"),
        (numbers.PATH, "mappings/decision/tiers.csv,net,points,policy 6.3\n", "", "net: a number without unit"),
        ("mappings/text/labs.toml", "[analytes]", "limit = 5\n[analytes]", "limit: a number without unit"),
        ("mappings/decision/yields.csv", "key,beside\n", "key,beside,days\nage,sex,9\n", "days: a number without"),
    ],
)  # fmt: skip
def test_h30_a_number_without_unit_or_source_is_named(path: str, old: str, new: str, problem: str) -> None:
    text = text_of(path)
    assert old in text
    if path.endswith("yields.csv"):
        text = re.sub(r"(?m)^(fever_unexplained|cancer_history_5y),(\w+)$", r"\1,\2,", text)
    found = checked({path: text.replace(old, new, 1)})
    assert [line for line in found if problem in line], found


def test_a_number_of_the_site_needs_its_unit() -> None:
    site = {"mappings/decision/hold.csv": "input,allowed,unit,words\nnet,>=6,,enough for us\n"}
    (problem,) = checked({}, site)
    assert problem.startswith("overlay/mappings/decision/hold.csv:2: net: allowed without unit")


def sources() -> set[str]:
    listed = [row["source"] for row in table_set().csv(numbers.PATH, ("source",))]
    for path in (constants.PATH, "mappings/decision/hb_limits.csv"):
        listed += [row["source"] for row in table_set().csv(path, ("source",))]
    return {part.strip() for source in listed for part in source.split(";") if not source.startswith("@")}


@pytest.mark.parametrize("source", sorted(sources()))
def test_every_source_exists(source: str) -> None:
    if source.startswith("policy "):
        number = re.escape(source.removeprefix("policy "))
        assert re.search(rf"(?m)^#+ {number}\.? ", (POLICY / "policy.md").read_text("utf-8"))
    elif re.fullmatch(r"[LK]\d+", source):
        assert re.search(rf"\b{source}\b", (POLICY / "evidence.md").read_text("utf-8"))
    else:
        assert source.startswith(OTHERS)


def test_limits_of_the_policy_reach_the_reader_and_the_chart() -> None:
    """Spleen, liver and plausible hemoglobin are the constants, not numbers of their own."""
    text = text_of(constants.PATH)
    changed = text.replace("spleen_length,130", "spleen_length,160").replace("liver_hu,70", "liver_hu,100")
    changed = changed.replace("hb_max,250", "hb_max,260")
    report = "FINDINGS: The spleen measures 150 mm. Unenhanced liver attenuation 95 HU."
    for tables, keys, most in (
        (TableSet(table_set()), {"splenomegaly", "hepatic_siderosis"}, 250),
        (TableSet(table_set({constants.PATH: changed})), set(), 260),
    ):
        assert {finding.key for finding in read_report(report, tables.text, modality="CT").findings} == keys
        assert {
            c.high for (analyte, _), found in tables.chart.conversions.items() for c in found if analyte == "hemoglobin"
        } == {most}
