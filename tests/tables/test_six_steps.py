"""Steps 1, 3 and 4 of `mappings/README.md` by its commands: a changed weight and a new phrase.

That `check` names a case that no longer holds is in test_tools; `diff` judges the same cases.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEIGHT = ("mappings/decision/opposing.csv", "\ncalcification,2,no,,,", "\ncalcification,3,yes,,,")
PHRASE = ("terminology/lexicon/en/terms.csv", "\ncalcify,", "\ncalcify,popcorn like calcif*;")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("mappings", "terminology"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def tables(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "emhwatch", "tables", *words],
        env={**os.environ, "EMHWATCH_TABLES_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def edit(folder: Path, change: tuple[str, str, str]) -> None:
    path, old, new = change
    text = (folder / path).read_text("utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1), "utf-8")


def test_a_changed_weight_and_a_new_phrase(folder: Path) -> None:
    edit(folder, WEIGHT)
    edit(folder, PHRASE)
    for command in ("fmt", "build"):
        assert tables(folder, command)[0] == 0
    said = tables(folder, "diff", str(ROOT))[1]
    assert "mappings/decision/opposing.csv: calcification: points: 2 → 3" in said
    assert "added: term calcify, phrase popcorn like calcif*" in said
    assert "opposing: 5 → 6" in said
    assert said.rstrip().endswith("answers flip")
