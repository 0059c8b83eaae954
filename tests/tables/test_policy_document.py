"""The tables say what `mappings/policy/policy.md` says: constants, weights, tiers, rows, keys, limits, codes."""

import re
from pathlib import Path

import pytest

from emhwatch.tables.load import load_tables
from emhwatch.types import Biopsy, Grade, Indicator

TABLES = load_tables()
DECISION = TABLES.decision
ROOT = Path(__file__).resolve().parents[2]
POLICY = (ROOT / "mappings" / "policy" / "policy.md").read_text("utf-8")


def section(start: str, end: str) -> str:
    return POLICY[POLICY.index(f"\n{start}") : POLICY.index(f"\n{end}")]


def table(text: str) -> list[list[str]]:
    """Cells of all rows of Markdown tables, without headings."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    dashes = [at for at, row in enumerate(rows) if set("".join(row)) <= set("-: ")]
    return [row for at, row in enumerate(rows) if at not in dashes and at + 1 not in dashes]


def numbers(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]


#: Words of policy 15 -> the constants that hold its numbers, in their order.
CONSTANTS = {
    "newest evidence for A": ["mass_newest_evidence"],
    "normal Hb for B0": ["hb_recent"],
    "single low Hb": ["hb_single_low"],
    "series gap": ["series_gap_min", "series_gap_max"],
    "later series value": ["series_before_report"],
    "transfusion shadow": ["transfusion_shadow"],
    "acute episode": ["acute_episode"],
    "normal Hb before a bleed": ["normal_before_bleed_min", "normal_before_bleed_max"],
    "severe Hb": ["severe_hb"],
    "MCV in (d)": ["mcv_low", "mcv_high"],
    "ferritin high / low": ["ferritin_high", "ferritin_low"],
    "laboratory companion": ["companion"],
    "newest ferritin": ["ferritin_newest"],
    "transfusion episodes": ["transfusion_episodes", "transfusion_window", "transfusion_same_episode"],
    "chelator, luspatercept": ["drug_record"],
    "chemotherapy": ["chemotherapy"],
    "cancer history": ["cancer_history"],
    "stability; early growth": ["stability"],
    "B12/folate deficiency": ["long_standing"],
    "enlarged spleen": ["spleen_length"],
    "F done-pending": ["biopsy_pending"],
    "note with a biopsy recommendation": ["note_biopsy"],
    "dedup; override": ["dedup"],
    "Hb plausibility": ["hb_min", "hb_max"],
}
#: Rows of policy 15 that another table holds.
ELSEWHERE = ("D allowed by the hold gate", "siderotic liver")


@pytest.mark.parametrize("words,value", [(row[0], row[1]) for row in table(section("## 15.", "## 16."))])
def test_constant_of_policy_15(words: str, value: str) -> None:
    if words.startswith(ELSEWHERE):
        assert words.startswith("siderotic") or "<=2" in " ".join(str(c) for c in DECISION.hold.rules[0].conditions)
        return
    names = next(names for start, names in CONSTANTS.items() if words.startswith(start))
    assert numbers(value) == [DECISION.constants[name] for name in names]


def test_equal_windows_of_policy_15() -> None:
    assert DECISION.constants["override"] == DECISION.constants["dedup"]
    assert (
        DECISION.constants["danger_document"]
        == DECISION.constants["note_biopsy"]
        == DECISION.constants["symptom_document"]
    )


def test_every_key_of_policy_17_with_its_group() -> None:
    rows = table(POLICY[POLICY.index("\n## 17.") :])
    listed = {row[0].strip("`"): tuple(row[2].replace(",", " ").split()) for row in rows}
    assert len(listed) > 150
    assert {key.key: key.groups for key in TABLES.keys.by_key.values()} == listed


def test_definitions_of_policy_17() -> None:
    for row in table(POLICY[POLICY.index("\n## 17.") :]):
        ours = TABLES.keys.by_key[row[0].strip("`")].definition
        assert row[1].replace("`", "").startswith(ours.rstrip(".")[:40]), row[0]


def test_supporting_items_of_policy_6_1() -> None:
    group, cap = "", 0
    listed = []
    for cells in table(section("### 6.1", "### 6.2")):
        if match := re.match(r"(\w+) \((\d)\)", cells[0]):
            group, cap = match[1], int(match[2])
        keys = tuple(re.findall(r"`(\w+)`", cells[1])) or ("@marrow-sign",)
        count = 2 if cells[1].startswith("two or more") else 1
        listed.append((group, cap, keys, count, int(cells[2])))
    signs = TABLES.keys.role("marrow-sign")
    ours = [
        (rule.group, rule.cap, ("@marrow-sign",) if rule.keys == signs else rule.keys, rule.count, rule.points)
        for rule in DECISION.scores.supporting
    ]
    assert ours == listed


def test_opposing_items_of_policy_6_2() -> None:
    listed = {}
    for cells in table(section("### 6.2", "### 6.3")):
        key = re.match(r"`(\w+)`", cells[0])
        assert key
        points = numbers(cells[1])
        listed[key[1]] = (points[0], points[-1], cells[2] == "yes")
    major = DECISION.constants["major_points"]
    assert {r.key: (r.points, r.reduced, r.points >= major) for r in DECISION.scores.opposing} == listed


def test_marrow_signs_and_sets_of_the_reference_code() -> None:
    for name, role in (
        ("B1_ALWAYS", "b1"),
        ("B1_IF_ANAEMIC", "b1-if-anemic"),
        ("HAEMOLYTIC", "hemolytic"),
        ("B3_DISEASE", "b3-disease"),
    ):
        block = POLICY[POLICY.index(f"\n{name} = ") :]
        assert set(re.findall(r'"(\w+)"', block[: block.index("}")])) == set(TABLES.keys.role(role)), name
    block = POLICY[POLICY.index("\nMARROW = ") :]
    assert set(re.findall(r'"(\w+)"', block[: block.index(")")])) == set(TABLES.keys.role("marrow-sign"))
    block = POLICY[POLICY.index("\nB3_CAUSE = ") :]
    causes = set(re.findall(r'"(\w+)"', block[: block.index("}")])) | set(TABLES.keys.role("b3-disease"))
    assert causes == set(TABLES.keys.role("b3-cause"))


def test_anemia_limits_of_policy_4_3() -> None:
    listed = [int(row[1]) for row in table(section("### 4.3", "### 4.4"))]
    ours = [int(rule.result["limit_g_per_l"]) for rule in DECISION.hb_limits.rules if rule.result["limit_g_per_l"]]
    assert (
        sorted(set(ours)) == sorted(set(listed)) and len(ours) == len(listed) + 1
    )  # "week unknown" has a row of its own


#: Cells of the document that name two tiers.
TIERS = {"computed; known if H emh": ("known", "computed"), "known / excluded": ("known", "excluded")}


def test_h30_rows_of_policy_7_1() -> None:
    """Row, indicator, tier and cards in the order of the document; one row there may be several of ours."""
    ours = []
    for rule in DECISION.rows.rules:
        cell = tuple(rule.result[name] for name in ("row", "indicator", "tier"))
        if not ours or ours[-1][0] != cell:
            ours.append((cell, []))
        ours[-1][1].extend([rule.result["card"]] if rule.result["card"] else [])
    listed = []
    for cells in table(section("### 7.1", "### 7.2")):
        indicator = cells[2].strip("*")
        cards = re.findall(r"\b[WKI]-\d\b", cells[4]) if not cells[4].startswith("none") else []
        tiers = TIERS.get(cells[3], (cells[3],))
        listed += [((cells[0], indicator, tier), cards) for tier in tiers]
    assert ([cell for cell, _ in ours]) == [cell for cell, _ in listed]
    assert [sorted(set(cards)) for _, cards in ours] == [sorted(set(cards)) for _, cards in listed]


def test_hold_gate_of_policy_7_2() -> None:
    words = section("### 7.2", "### 7.3")
    ours = {c.input: c for c in DECISION.hold.rules[0].conditions}
    assert set(ours) == {
        *("biopsy", "row", "mass", "tier", "major", "opposing", "rival_leads", "danger", "years", "priority")
    }
    assert f"row {ours['row'].words}" in words and "D <= 2" in words and ours["opposing"].most == 2
    assert ours["years"].least == 5 and "age known and 5 or more" in words
    assert ours["priority"].forbidden == {"stat", "asap"} and "neither stat nor asap" in words


@pytest.mark.parametrize("card", sorted(set(re.findall(r"\b[WKI]-\d\b", section("### 7.1", "### 7.2"))) - {"I-9"}))
def test_every_card_of_a_row_has_a_summary(card: str) -> None:
    assert f"\n{card}," in (ROOT / "mappings" / "cards" / "summaries.csv").read_text("utf-8")


def test_values_of_the_document() -> None:
    assert {str(i) for i in Indicator} == {"none", "info", "warning", "critical", "suppressed"}
    assert {str(b) for b in Biopsy} - {"unknown"} == set(
        re.findall(r"`([a-z-]+)` \|", section("### 5.2", "### 5.3"))
    ) - {"done-result"}
    assert {str(g) for g in Grade} == {"B1", "B2", "B3", "B?", "B0", "unknown"}


CODES_16 = {
    "dx_thalassaemia": "D56.0 D56.1 D56.2 D56.5 D56.8",
    "dx_sickle_cell_disease": "D57.00 D57.1 D57.20 D57.40 D57.80",
    "dx_hereditary_spherocytosis": "D58.0 D58.1",
    "dx_chronic_haemolytic_anaemia": "D58.8 D59.10 D59.11",
    "dx_enzyme_defect": "D55.1 D55.21 D55.3 D55.8",
    "dx_pnh": "D59.5",
    "dx_red_cell_aplasia": "D60.0 D60.8 D60.9",
    "dx_aplastic_anaemia": "D61.9 D61.3 D61.1",
    "dx_sideroblastic_anaemia": "D64.0 D64.1 D64.2 D64.3",
    "dx_cda": "D64.4",
    "dx_mds": "D46.0 D46.9 D46.Z",
    "dx_myelofibrosis": "D47.4 D75.81",
    "dx_cml": "C92.10 C92.11",
    "dx_gaucher": "E75.22",
    "dx_mpn_other": "D45 D47.1 D47.3",
    "dx_haemoglobinopathy_carrier": "D56.3 D57.3",
    "dx_iron_deficiency": "D50.0 D50.9",
    "dx_active_cancer": "D63.0 D64.81 C34.90",
    "dx_ckd": "D63.1 N18.30 N18.4 N18.5 N18.6",
    "dx_chronic_inflammation": "D63.8",
    "dx_lymphoma": "C81.90 C83.30 C85.90 C88.0",
    "dx_myeloma": "C90.00",
    "dx_leukaemia_lymphoma": "C91.00",
    "dx_myeloid_blast_disease": "C92.00 C94.40",
    "dx_b12_folate_deficiency": "D51.0 D52.9 D53.1",
    "anaemia_unspecified": "D64.9",
    "dx_haemochromatosis": "E83.110 E83.118 E83.119",
    "cancer_history_5y": "Z85.3",
    "metastatic_cancer_active": "C77.1 C78.00 C79.51",
    "dx_nf1": "Q85.01",
    "disc_endplate_disease": "M46.44",
    "tb_context": "A18.01",
}
CM = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize("key,code", [(key, code) for key, codes in CODES_16.items() for code in codes.split()])
def test_starter_code_of_policy_16(key: str, code: str) -> None:
    assert key in {k for entry in TABLES.codes.find(CM, code) for k in entry.keys}


SILENT = "D60.1 D55.0 D62 O90.81 P61.2 D61.810 D58.2 D75.89 E83.10 Z83.2 D56.4"


@pytest.mark.parametrize("code", SILENT.split())
def test_codes_that_set_nothing(code: str) -> None:
    assert not [key for entry in TABLES.codes.find(CM, code) for key in entry.keys]


def test_d56_1_sets_thalassemia_only_and_transfusion_siderosis_is_no_hemochromatosis() -> None:
    assert TABLES.codes.find(CM, "D56.1")[0].keys == ("dx_thalassaemia",)
    assert "dx_haemochromatosis" not in TABLES.codes.find(CM, "E83.111")[0].keys
    assert TABLES.codes.find("http://loinc.org", "718-7")[0].value == "hemoglobin"
