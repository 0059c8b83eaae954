"""No code, no clinical word, no key, no number of the policy stands in Python: they are in the tables.

Every literal of `service/emhwatch` (docstrings aside) is compared with the vocabulary of the tables.
"""

import ast
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from emhwatch.tables.load import load_tables
from emhwatch.tables.locate import table_files

ROOT = Path(__file__).resolve().parents[2] / "service" / "emhwatch"
TABLES = load_tables()
#: Packages that decide or read; here even a bare number of the policy may not stand.
CORE = ("assess", "text", "chart", "cds/cards.py", "publish/observation.py", "tables", "model")
#: Numbers that only happen to be those of the policy: (file, number) -> reason.
ALLOWED_NUMBERS: dict[tuple[str, int], str] = {
    ("assess/disease.py", 365): "days of a year",
    ("assess/view.py", 60): "characters of a line",
    ("assess/worked.py", 15): "day of the month of worked decisions",
    ("chart/amount.py", 60): "characters of an amount",
    ("chart/dates.py", 59): "minutes and seconds",
    ("chart/fetch.py", 20): "pages and ids of a search",
    ("chart/searches.py", 60): "resources of a search",
    ("chart/searches.py", 1000): "resources of a search",
    ("tables/changes.py", 60): "characters of a value",
    ("tables/words.py", 183): "code point",
    ("text/anatomy.py", 1000): "a distance that is far",
    ("text/masses.py", 20): "nouns of a sentence that are looked at",
    ("text/segment.py", 60): "characters of a heading",
}


def rows(path: str) -> list[dict[str, str]]:
    text = table_files().files[path].decode()
    return list(csv.DictReader(io.StringIO("\n".join(line for line in text.splitlines() if not line.startswith("#")))))


def literals() -> Iterator[tuple[str, int, object]]:
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = set()
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                docstrings.add(id(node.value))
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in docstrings:
                yield name, node.lineno, node.value


def allowed() -> dict[str, frozenset[str]]:
    """Word -> packages that may name it (`names_in_code.csv`, with the reason)."""
    text = (Path(__file__).parent / "names_in_code.csv").read_text("utf-8").partition("\n")[2]
    listed = list(csv.DictReader(io.StringIO(text)))
    assert all(row["reason"] for row in listed)
    return {row["word"]: frozenset(row["where"].split()) for row in listed}


def may(name: str, word: str) -> bool:
    where = ALLOWED.get(word, frozenset())
    return "*" in where or name.split("/")[0] in where


ALLOWED = allowed()
LITERALS = list(literals())
STRINGS = [(name, line, value) for name, line, value in LITERALS if isinstance(value, str)]


def clinical_words() -> set[str]:
    """Words of the lexicon that are no everyday words: those of Python's own manual are."""
    everyday = set(re.findall(r"[a-z]{6,}", " ".join(topics.values()).lower()))
    words: set[str] = set()
    for path in table_files().files:
        if path.startswith("terminology/lexicon/") and path.endswith(("terms.csv", "diseases.csv")):
            for row in rows(path):
                words |= set(re.findall(r"[a-zà-ÿ]{6,}", row["phrase"].lower()))
    return words - everyday


def test_no_code() -> None:
    codes = {entry.code for entry in TABLES.codes.entries() if re.search(r"\d", entry.code) and len(entry.code) >= 4}
    found = [
        (name, line, value)
        for name, line, value in STRINGS
        for word in re.findall(r"[A-Za-z0-9_:./-]+", value)
        if word in codes
    ]
    assert found == []


def test_no_key_and_no_concept() -> None:
    names = {*TABLES.keys.by_key, *TABLES.codes.concepts}
    assert [(name, line, value) for name, line, value in STRINGS if value in names and not may(name, value)] == []


def test_no_clinical_word() -> None:
    words = clinical_words()
    assert len(words) > 500
    found = [
        (name, line, word)
        for name, line, value in STRINGS
        for word in re.findall(r"[a-zà-ÿ]{6,}", value.lower())
        if word in words and not may(name, word)
    ]
    assert found == []


def policy_numbers() -> set[int]:
    numbers = set(TABLES.decision.constants.values())
    numbers |= {int(r.result["limit_g_per_l"]) for r in TABLES.decision.hb_limits.rules if r.result["limit_g_per_l"]}
    numbers |= {c.least for r in TABLES.decision.hb_limits.rules for c in r.conditions if c.least}
    numbers |= {c.most for r in TABLES.decision.hb_limits.rules for c in r.conditions if c.most}
    return {number for number in numbers if number > 12}


def test_no_number_of_the_policy() -> None:
    numbers = policy_numbers()
    found = [
        (name, line, value)
        for name, line, value in LITERALS
        if type(value) in (int, float) and value in numbers and name.startswith(CORE)
        if (name, value) not in ALLOWED_NUMBERS
    ]
    assert found == []


def test_every_allowance_is_used() -> None:
    strings = " ".join(value.lower() for _, _, value in STRINGS)
    assert [word for word in ALLOWED if word not in strings] == []
    numbers = {(name, value) for name, _, value in LITERALS if isinstance(value, int)}
    assert [entry for entry in ALLOWED_NUMBERS if entry not in numbers] == []


@pytest.mark.parametrize("kind,text", [("code", "D56.1"), ("key", "cord_compression"), ("word", "thalassemia")])
def test_the_comparison_would_find_it(kind: str, text: str) -> None:
    """What the tests look for is really in the vocabulary."""
    known = {
        "code": {entry.code for entry in TABLES.codes.entries()},
        "key": set(TABLES.keys.by_key),
        "word": clinical_words(),
    }
    assert text in known[kind]
