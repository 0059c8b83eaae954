"""One evaluation of a bundle: CPU time of the chart and of the whole decision, by number of resources."""

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from emhwatch.assess.evaluate import evaluate
from emhwatch.tables.load import load_tables
from emhwatch.types import Resource
from tests.support.records import (
    ICD10,
    LOINC,
    ME,
    NOW,
    UCUM,
    chart,
    code,
    condition,
    drug,
    observation,
    order,
    patient,
    procedure,
    report,
)

TEXT = (
    "FINDINGS: Bilateral well-circumscribed lobulated paravertebral masses T9-T11. No calcification. Spleen enlarged.\n"
    "IMPRESSION: Paraspinal masses, extramedullary hematopoiesis is likely."
)
LABORATORY = (
    ("2345-7", "Glucose"),
    ("718-7", "Hemoglobin"),
    ("787-2", "MCV"),
    ("6690-2", "Leukocytes"),
    ("x", "Weight"),
)


def records(count: int) -> list[Resource]:
    """A patient with thalassemia, masses and an order, and whatever else a chart holds."""
    chance = random.Random(1)
    found = [patient(), report(TEXT), condition(code(ICD10, "D56.1")), order()]
    while len(found) < count:
        number, kind = len(found), chance.random()
        if kind < 0.75:
            name, display = chance.choice(LABORATORY)
            value = {"value": 9.5, "unit": "g/dL", "system": UCUM, "code": "g/dL"}
            what = code(LOINC, name, display)
            found.append(observation(what, ident=f"o{number}", days=number, valueQuantity=value))
        elif kind < 0.82:
            found.append(condition(code(ICD10, "I10", "Hypertension"), ident=f"c{number}"))
        elif kind < 0.9:
            found.append(drug("metoprolol 50 mg", id=f"m{number}"))
        elif kind < 0.95:
            found.append(procedure({"text": "Colonoscopy"}, ident=f"x{number}"))
        else:
            found.append({"resourceType": "Encounter", "id": f"e{number}", "status": "finished", "subject": ME})
    return found


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Median CPU time of one call."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1000


def main() -> None:
    """Print one line a size."""
    tables = load_tables()
    for count in (30, 500):
        given = records(count)
        built = milliseconds(lambda g=given: chart(*g, focus="DiagnosticReport/r1"), 60)  # type: ignore[misc]
        whole = milliseconds(
            lambda g=given: evaluate(g, focus="DiagnosticReport/r1", now=NOW, tables=tables),  # type: ignore[misc]
            60,
        )
        rate = 1000 / whole
        print(f"{count} resources: chart {built:.2f} ms, evaluation {whole:.2f} ms ({rate:.0f} a second on one core)")


if __name__ == "__main__":
    main()
