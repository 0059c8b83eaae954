"""Reading, standard form, rows that can fire, differences in words."""

import csv

import pytest

from emhwatch.commands.tables.check import case_problems
from emhwatch.errors import TableError
from emhwatch.tables import coverage
from emhwatch.tables.changes import changes
from emhwatch.tables.check import check_tables
from emhwatch.tables.decision import INPUTS
from emhwatch.tables.load import TableSet
from emhwatch.tables.locate import table_files
from emhwatch.tables.reach import gap, never_fires, space
from emhwatch.tables.rules import NUMBER, RuleTable, parse_table
from emhwatch.tables.source import TableFiles
from emhwatch.tables.standard_form import standard_form
from tests.tables.support import printed, table_set, text_of

ROWS = "mappings/decision/rows.csv"


def files_of(text: str, path: str = "t.csv") -> TableFiles:
    return TableFiles({path: text.encode()}, "test")


@pytest.mark.parametrize(
    "text,line,word",
    [
        ("", 1, "column missing"),
        ("a\n", 0, "the table is empty"),
        ("# note\n# note\nb\n1\n", 3, "column missing"),
        ("# note\na,b\n1,2\n1,2,3\n", 4, "3 cells for 2 columns"),
        ('a,b\n"x,2\n', 2, "not valid CSV"),
    ],
)
def test_a_broken_table_names_its_line(text: str, line: int, word: str) -> None:
    files = files_of(text)
    files.csv("t.csv", ("a",))
    assert [(p.line, word in p.problem) for p in files.problems] == [(line, True)]


def test_header_with_a_typing_error_is_all_that_is_told() -> None:
    path = "mappings/keys.csv"
    files = table_set({path: text_of(path).replace("key,group,", "key;group,", 1)})
    assert [str(p) for p in check_tables(files)] == [
        "mappings/keys.csv:3: key,group: column missing: add it to the header row"
    ]


def test_not_utf8_and_missing() -> None:
    files = TableFiles({"t.csv": b"a\nx\n\xff\n"}, "test")
    files.csv("t.csv", ("a",))
    files.csv("u.csv", ("a",))
    files.toml("v.toml")
    assert [str(p) for p in files.problems] == [
        "t.csv:3: encoding: not UTF-8: save the file as UTF-8",
        "u.csv:0: file: missing: restore the file",
        "v.toml:0: file: missing: restore the file",
    ]


def test_the_digest_does_not_depend_on_line_ends_and_covers_every_file() -> None:
    one = TableFiles({"a.csv": b"x\ny\n", "b.csv": b"1\n"}, "test")
    assert one.digest() == TableFiles({"b.csv": b"1\n", "a.csv": b"x\r\ny\r\n"}, "other").digest()
    assert one.digest() != TableFiles({"a.csv": b"x\ny\n", "c.csv": b"1\n"}, "test").digest()
    assert one.digest() != TableFiles({"a.csv": b"x\ny\n"}, "test", {"b.csv": b"1\n"}).digest()


def test_standard_form_changes_only_form() -> None:
    assert standard_form("t.csv", '# n \r\na , "b"\r\n\r\n"x,1", y ') == '# n\na,b\n"x,1",y\n'
    assert standard_form("t.toml", "a = 1  \n\n\n") == "a = 1\n"
    with pytest.raises(csv.Error):
        standard_form("t.csv", 'a\n"x')


def test_every_shipped_table_is_in_the_standard_form() -> None:
    for path, raw in table_files().files.items():
        once = standard_form(path, raw.decode())
        assert standard_form(path, once) == once
        assert once == raw.decode(), path


def rules(text: str) -> tuple[RuleTable, dict[str, tuple[str, ...]]]:
    inputs = {"color": ("red", "blue"), "size": (NUMBER,)}
    return parse_table(files_of(text), "t.csv", inputs, ("answer",)), inputs


def test_a_row_in_the_shadow_of_earlier_rows() -> None:
    table, inputs = rules("color,size,answer\nred,,1\n,>=5,2\nblue,>=7,3\nred,<2,4\nblue,<5,5\n")
    everything = space(table, inputs)
    assert [rule.result["answer"] for rule in never_fires(table, everything)] == ["3", "4"]
    assert gap(table, everything) == {"color": "blue", "size": None}


def test_two_rows_together_may_cast_the_shadow() -> None:
    table, inputs = rules("color,size,answer\nred,,1\nblue,,2\n,>=5,3\n")
    assert [rule.result["answer"] for rule in never_fires(table, space(table, inputs))] == ["3"]
    assert gap(table, space(table, inputs)) is None


def test_the_shipped_rows_all_fire_and_decide_every_case() -> None:
    from emhwatch.tables.load import load_tables

    decision = load_tables().decision
    asked = {c.input for rule in decision.rows.rules for c in rule.conditions}
    everything = space(decision.rows, {k: v for k, v in INPUTS.items() if k in asked}, coverage.OPTIONAL)
    assert never_fires(decision.rows, everything) == []
    assert gap(decision.rows, everything) is None
    fewer = RuleTable(decision.rows.rules[:-1])
    assert gap(fewer, everything) is not None


def test_changes_in_words() -> None:
    path = "mappings/decision/opposing.csv"
    text = text_of(path).replace("calcification,2,no", "calcification,3,yes").replace("necrosis,1,no", "necrosys,1,no")
    release = text_of("terminology/release.toml").replace("2026.11.0", "2026.12.0")
    lines = changes(
        table_set(), table_set({path: text, "terminology/release.toml": release, "mappings/evidence.csv": None})
    )
    assert f"{path}: calcification: points: 2 → 3" in lines
    assert f"{path}: calcification: major: no → yes" in lines
    assert any(line.startswith(f"{path}: necrosis: removed: ") for line in lines)
    assert any(line.startswith(f"{path}: necrosys: added: ") for line in lines)
    assert "terminology/release.toml: version: 2026.11.0 → 2026.12.0" in lines
    assert any(line.startswith("mappings/evidence.csv: ") and ": removed: " in line for line in lines)
    assert changes(table_set(), table_set()) == []


def test_a_changed_order_is_a_change() -> None:
    lines = text_of(ROWS).splitlines()
    lines[-1], lines[-2] = lines[-2], lines[-1]
    assert changes(table_set(), table_set({ROWS: "\n".join(lines) + "\n"})) != []


def test_problems_are_told_once() -> None:
    files = table_set({"mappings/keys.csv": text_of("mappings/keys.csv").replace("\nage,X,patient", "\nage,X,person")})
    from emhwatch.tables import codes, keys

    keys.parse(files)
    codes.parse(files)
    assert len(printed(files)) == 1


def test_a_structure_says_only_keys() -> None:
    path = "mappings/text/structures.csv"
    files = table_set({path: text_of(path).replace("spleen,splenomegaly,", "spleen,splenomegly,", 1)})
    with pytest.raises(TableError, match=r"structures\.csv:7: splenomegly: not a key of findings: use a key of"):
        assert TableSet(files).text


def test_a_case_that_no_longer_holds_is_named() -> None:
    path = "mappings/decision/opposing.csv"
    files = table_set({path: text_of(path).replace("\ncalcification,2,no,", "\ncalcification,3,yes,", 1)})
    told = [str(problem) for problem in case_problems(files, TableSet(files))]
    assert any("E19: opposing 6, not 5: correct the tables, or the case if the answer is meant" in one for one in told)
