"""All of the verified raw material is used, or stands with its reason where it is left out."""

import csv
import hashlib
from pathlib import Path

from emhwatch.tables.load import TableSet
from emhwatch.tables.words import fold, split
from tests.tables.support import shipped, table_set

#: A digest of system and code a line, so that codes of licensed systems stand in the tables only.
CODES = (Path(__file__).parent / "raw-codes.txt").read_text().split()
PHRASES = Path(__file__).parent / "raw-phrases.csv"


def left_out(name: str) -> list[dict[str, str]]:
    lines = shipped()[f"terminology/{name}"].decode().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def digest(system: str, code: str) -> str:
    return hashlib.sha256(f"{system} {code}".encode()).hexdigest()[:12]


def test_every_code_is_used_or_left_out() -> None:
    used = {digest(entry.system, entry.code) for entry in TableSet(table_set()).codes.entries()}
    named = {digest(row["system"], row["code"]) for row in left_out("left_out.csv")}
    assert len(CODES) == 1438
    assert [code for code in CODES if code not in used | named] == []


def test_every_phrase_is_read_or_left_out_and_never_both() -> None:
    languages = TableSet(table_set()).text.languages
    with PHRASES.open(encoding="utf-8") as file:
        raw = [(row["language"], row["phrase"]) for row in csv.DictReader(file)]
    named = {(row["language"], row["phrase"]) for row in left_out("left_out_phrases.csv")}
    read = set()
    for language, phrase in raw:
        words = split(fold(phrase)).words
        if languages[language].terms.find(words, 0, len(words)):
            read.add((language, phrase))
    assert len(raw) == 1553
    assert sorted(set(raw) - read - named) == []
    assert sorted(read & named) == []
