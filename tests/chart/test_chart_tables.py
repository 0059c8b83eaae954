"""The tables of the chart: checked codes, known keys, and problems that say where and what to do."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from emhwatch.tables import chart as chart_tables
from emhwatch.tables import signs
from emhwatch.tables.codes import Role
from emhwatch.tables.load import load_tables
from emhwatch.tables.locate import table_files

TABLES = load_tables()
SIGNS = {
    name: getattr(TABLES.chart, name)
    for name in (
        *("analytes", "specimens", "report_kinds", "modalities", "flags", "answers", "sides", "drugs", "procedures"),
        *("sites", "episodes", "pregnancy"),
    )
}


@pytest.mark.parametrize("name", SIGNS)
def test_codes_pass_the_rules_of_their_systems(name: str) -> None:
    systems = TABLES.codes.systems.by_key
    for system, code in SIGNS[name].codes:
        if system in systems:
            assert systems[system].fault(code) is None, (system, code)
        else:
            assert system == "" or "://" in system, (system, code)


@pytest.mark.parametrize("name", SIGNS)
def test_concepts_and_roles_exist(name: str) -> None:
    known = {entry.concept for entry in TABLES.codes.entries()} | set(Role)
    assert {meaning.partition("/")[0] for meaning in SIGNS[name].meanings} <= known


def test_keys_are_those_of_the_policy() -> None:
    keys = TABLES.keys.by_key
    assert set(TABLES.chart.drug_keys.values()) <= set(keys)
    assert set(TABLES.chart.sited.values()) <= set(keys)


def test_every_reason_has_words() -> None:
    source = "".join(
        p.read_text("utf-8") for p in sorted(Path(signs.__file__).parents[1].joinpath("chart").glob("*.py"))
    )
    named = set(re.findall(r'(?:gap\(|Gap\()"([a-z-]+)"', source)) | set(re.findall(r'"(fetch-[a-z]+)"', source))
    problems = set(re.findall(r'problem(?:=| = |: str = )"([a-z-]+)"', source)) | {"specimen", "code-conflict"}
    assert len(named) > 10
    assert named | {f"hb-{problem}" for problem in problems} <= set(TABLES.chart.reasons)


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        ("mappings/chart/drugs.csv", "luspatercept,word,,reblozyl", "luspatercept,wrd,,reblozyl", "unknown sign wrd"),
        ("mappings/chart/drugs.csv", "luspatercept,word,,reblozyl", "luspatercept,word,,***", "a word without letters"),
        ("mappings/chart/statuses.csv", "Observation,final,usable", "Observation,final,yes", "unknown use"),
        (
            "mappings/chart/sites.csv",
            "paraspinal,yes,word,,paraspinal",
            "paraspinal,si,word,,paraspinal",
            "unknown target",
        ),
        ("terminology/analytes.csv", "mcv,fL,1,", "mcv,fL,one,", "not a number"),
        ("terminology/analytes.csv", "mcv,fL,1,", "mcv,fL,0,", "factor or limits make no sense"),
        ("terminology/units.csv", "g/L,gr/L", "mg/dL,g/L", "this spelling already means another unit"),
    ],
)
def test_problems_name_file_line_and_remedy(path: str, old: str, new: str, problem: str) -> None:
    files = table_files(None)
    content = files.files[path].decode()
    assert old in content
    files = replace(files, files={**files.files, path: content.replace(old, new, 1).encode()}, problems=[])
    chart_tables.parse(files)
    found = [str(item) for item in files.problems]
    line = content[: content.index(old)].count("\n") + 1
    assert any(item.startswith(f"{path}:{line}: ") and problem in item for item in found), found


def test_words_are_compared_without_case_accents_and_punctuation() -> None:
    assert signs.plain("Hémoglobine, (Hb)!") == " hemoglobine hb "
    assert signs.plain(" - ") == ""
    assert TABLES.chart.sites.by_words(signs.plain("Para-vertebral")) == {"paraspinal"}
    assert TABLES.chart.sites.by_words(signs.plain("bone marrow"), longest=True) == {"bone-marrow"}
