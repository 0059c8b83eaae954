"""The reader beside medspaCy and negspacy: reports per second on one core, start, memory, accuracy, in one run.

    python tests/benchmarks/reader/bench_reader.py [--reports N] [--rounds R]

Speed: made-up CT and MRI reports (`corpus.py`); seconds are CPU of the process, tools in turn, the best of the rounds.
Ours is `emhwatch read --batch` with JSON in and out. Accuracy: the labelled English texts of `tests/corpus/text`, ours
and the other tools with the same phrases, so that the cues and rules are compared and not the vocabulary.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE)]

from corpus import cross_sections, films  # noqa: E402 - run as a script, its folder is not on the path of the packages
from environments import PINS, python_of  # noqa: E402
from targets import targets  # noqa: E402

from emhwatch.tables.load import load_tables  # noqa: E402
from emhwatch.text.read import read_report  # noqa: E402
from tests.corpus.text.labels import Labelled, labelled  # noqa: E402

KINDS = ("present", "possible", "absent", "avoided")
OURS = [sys.executable, "-m", "emhwatch", "read", "--batch"]
Values = dict[str, str]


@dataclass(frozen=True)
class Run:
    """What one process did."""

    values: list[Values]  #: by text
    start: float  #: seconds of CPU before the first text
    read: float  #: seconds of CPU for the texts
    memory: float  #: MB at most


def ours(texts: Path, one: Path) -> Run:
    """The command line, and once more with a single text for what its start costs."""
    start, _, _ = _run([*OURS, str(one)])
    whole, memory, output = _run([*OURS, str(texts)])
    return Run([_values(json.loads(line)["findings"]) for line in output.splitlines()], start, whole - start, memory)


def _run(command: list[str]) -> tuple[float, float, bytes]:
    """CPU seconds, peak MB and output of a process."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command}: failed")
        output.seek(0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read()


def _values(findings: Iterable[dict[str, Any]]) -> Values:
    found: Values = {}
    for one in findings:
        if one["experiencer"] == "patient" and one["value"] in KINDS:
            found[one["key"]] = max(found.get(one["key"], "absent"), one["value"], key=("absent", *KINDS[1::-1]).index)
    return found


def theirs(tool: str, python: Path, phrases: Path, texts: Path) -> Run:
    """Another tool."""
    _, _, output = _run([str(python), str(HERE / "peers.py"), tool, str(phrases), str(texts)])
    *values, last = map(json.loads, output.splitlines())
    return Run(values, **last)


def right(texts: list[Labelled], read: list[Values]) -> dict[str, tuple[int, int]]:
    """Labels that a tool agrees with and all labels, by kind."""
    agreed: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for text, values in zip(texts, read, strict=True):
        for key, wanted in text.expect.items():
            kind = "avoided" if "unknown" in wanted else min(wanted, key=KINDS.index)
            every[kind] += 1
            agreed[kind] += values.get(key, "unknown") in wanted
    return {kind: (agreed[kind], every[kind]) for kind in KINDS}


def slowest(reports: list[dict[str, str]]) -> None:
    """Reports of one length, the slowest beside the median, and a megabyte of text, within this process."""
    tables = load_tables().text
    cut = [report["text"][:1200] for report in reports if len(report["text"]) >= 1200][:300]
    read_all = [min(_seconds(text, tables) for _ in range(3)) for text in cut]
    million = "\n\n".join(report["text"] for report in reports)[:1_000_000]
    ratio = max(read_all) / statistics.median(read_all)
    print(f"  slowest of {len(cut)} reports of 1,200 characters: {ratio:.1f} times the median")
    print(f"  {len(million):,} characters in one report: {_seconds(million, tables):.2f} s")


def _seconds(text: str, tables: Any) -> float:
    began = time.process_time()
    read_report(text, tables, language="en")
    return time.process_time() - began


def _write(folder: Path, name: str, lines: Iterable[dict[str, Any]]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    labels = [text for text in labelled() if text.language == "en"]
    reports = cross_sections(options.reports)
    pythons = {tool: python for tool in PINS if (python := python_of(tool))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = _write(folder, "one.jsonl", reports[:1])
        speed = _write(folder, "reports.jsonl", reports)
        short = _write(folder, "films.jsonl", films(options.reports))
        judged = _write(folder, "labelled.jsonl", ({"text": t.text, "modality": t.modality} for t in labels))
        phrases = folder / "targets.json"
        written = "\n".join(path.read_text() for path in (speed, short, judged)).lower()
        phrases.write_text(json.dumps(targets(load_tables().text, "en", frozenset(re.findall("[a-z]+", written)))))

        def run(tool: str, texts: Path) -> Run:
            return theirs(tool, pythons[tool], phrases, texts) if tool in pythons else ours(texts, one)

        tools = ("emhwatch", *pythons)
        rounds = [{tool: (run(tool, speed), run(tool, short)) for tool in tools} for _ in range(options.rounds)]
        accuracy = {tool: right(labels, run(tool, judged).values) for tool in tools}
    print(f"  {'':10} {'CT, MRI/s':>9} {'films/s':>8} {'start s':>7} {'MB':>5}  labels agreed with: {', '.join(KINDS)}")
    for tool in tools:
        long = min((both[tool][0] for both in rounds), key=lambda found: found.read)
        film = min((both[tool][1] for both in rounds), key=lambda found: found.read)
        agreed = "  ".join(f"{good} of {every}" for good, every in accuracy[tool].values())
        rates = f"{options.reports / long.read:9.0f} {options.reports / film.read:8.0f}"
        print(f"  {tool:10} {rates} {min(b[tool][0].start for b in rounds):7.2f} {long.memory:5.0f}  {agreed}")
    for tool in PINS.keys() - pythons.keys():
        print(f"  {tool}: left out, its packages could not be installed")
    slowest(reports)


if __name__ == "__main__":
    main()
