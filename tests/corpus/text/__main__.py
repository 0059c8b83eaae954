"""`python -m tests.corpus.text`: figures of both halves and the errors of `dev`; `--write` keeps them for the test."""

import csv
import sys

from emhwatch.tables.load import load_tables
from tests.corpus.text.labels import FOLDER, labelled
from tests.corpus.text.score import Judged, counts, judge

SCORE = FOLDER / "score.csv"
WRONG = FOLDER / "wrong-dev.csv"


def main() -> None:
    """Print, and write when asked to."""
    judged = judge(labelled(), load_tables().text)
    wrong = [one for one in judged if not one.right and one.half == "dev"]
    for one in wrong:
        print(f"{one.id:9} {one.kind:14} {one.label}: read {one.read}")
    for (half, kind), (right, every) in counts(judged).items():
        print(f"{half:5} {kind:15} {right:4} of {every:4}  {right / every:.3f}")
    if "--write" in sys.argv:
        write(judged, wrong)


def write(judged: list[Judged], wrong: list[Judged]) -> None:
    """Keep the figures of both halves and the names of the errors of `dev`."""
    with SCORE.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("half", "kind", "right", "of"))
        table.writerows((half, kind, *numbers) for (half, kind), numbers in counts(judged).items())
    with WRONG.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("id", "kind", "label"))
        table.writerows((one.id, one.kind, one.label) for one in wrong)


if __name__ == "__main__":
    main()
