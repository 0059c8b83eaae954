"""One measured value with its unit, and its conversion (policy 4.3; lessons of real laboratory data).

The unit is that of the UCUM code; without a code the unit text, by the spellings of `terminology/units.csv`. Where both
are known and disagree, neither is used. A value without a unit is never used, and never guessed from its size.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from emhwatch.model.options import SiteOptions
from emhwatch.model.shape import obj, objects, text
from emhwatch.tables.chart import ChartTables, Conversion
from emhwatch.types import Resource

_WRITTEN = re.compile(r"(<=|>=|=<|=>|<|>|≤|≥)? ?(\d{1,6}(?:[.,]\d{1,9})?) ?([^\d\s<>].{0,40})?")
_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}


@dataclass(frozen=True, slots=True)
class Amount:
    """A value as sent. `problem`: why it cannot be used, a code without its "hb-"."""

    value: float | None = None
    comparator: str | None = None
    ucum: str | None = None
    original: str = ""
    problem: str | None = None


def amount(node: Resource, tables: ChartTables) -> Amount:
    """The value of an Observation or component: Quantity, number, or text with one number and a unit."""
    if node.get("dataAbsentReason"):
        return Amount(problem="no-value")
    if quantity := obj(node, "valueQuantity"):
        return quantity_amount(quantity, tables)
    if node.get("valueRange") or node.get("valueRatio"):
        return Amount(problem="range")
    for name in ("valueString", "valueInteger", "valueDecimal"):
        if written := text(node, name):
            return text_amount(written, tables)
    return Amount(problem="no-value")


def quantity_amount(quantity: Resource, tables: ChartTables) -> Amount:
    """A FHIR Quantity."""
    number = _number(quantity.get("value"))
    unit, code = text(quantity, "unit"), text(quantity, "code")
    comparator = text(quantity, "comparator")
    original = " ".join(part for part in (comparator, text(quantity, "value"), unit or code) if part)
    if number is None:
        return Amount(original=original, problem="no-value")
    if comparator is not None and comparator not in _COMPARATORS:
        return Amount(original=original, problem="comparator")
    meant = {found for written in (code, unit) if written and (found := tables.ucum(written)) is not None}
    if len(meant) > 1:
        return Amount(original=original, problem="unit-conflict")
    ucum = meant.pop() if meant else None
    problem = None if ucum else "unit" if unit or code else "no-unit"
    # A code that is not known beside a unit text that is: they may disagree, so neither is used.
    if ucum and code and tables.ucum(code) is None:
        problem = "unit-conflict"
    return Amount(number, _COMPARATORS.get(comparator or ""), ucum, original, problem)


def text_amount(written: str, tables: ChartTables) -> Amount:
    """Text with exactly one number and a unit."""
    match = _WRITTEN.fullmatch(" ".join(written.split()))
    if match is None:
        return Amount(original=written[:60], problem="no-value" if not re.search(r"\d", written) else "range")
    comparator, number, unit = match.groups()
    ucum = tables.ucum(unit) if unit else None
    problem = None if ucum else "unit" if unit else "no-unit"
    value = float(number.replace(",", "."))
    if re.fullmatch(r"\d{1,3},\d{3}", number):
        problem = problem or "unit"  # thousands or decimals: not clear
    return Amount(value, _COMPARATORS.get(comparator or ""), ucum, written[:60], problem)


def conversion(analyte: str, ucum: str | None, tables: ChartTables, options: SiteOptions) -> Conversion | None:
    """The conversion of a unit under the site's convention."""
    wanted = "tetramer" if options.hemoglobin_tetramer else "monomer"
    found = tables.conversions.get((analyte, ucum or ""), ())
    return next((item for item in found if item.convention in ("", wanted)), None)


def limits(node: Resource, ucum: str | None, tables: ChartTables) -> tuple[float | None, float | None]:
    """Lowest lower and highest upper reference limit in the unit of the value; only normal ranges count.

    A limit without a unit is in that of the value (R4, Observation.referenceRange); in another one it is not used.
    """
    lows: list[float] = []
    highs: list[float] = []
    for item in objects(node, "referenceRange"):
        kinds = {text(c, "code") for c in objects(obj(item, "type"), "coding")}
        if item.get("modifierExtension") or (kinds and "normal" not in kinds):
            continue
        for name, found in (("low", lows), ("high", highs)):
            bound = obj(item, name)
            value = _number(bound.get("value"))
            unit = text(bound, "code") or text(bound, "unit")
            if value is not None and (unit is None or tables.ucum(unit) == ucum):
                found.append(value)
        if not obj(item, "low") and not obj(item, "high"):
            _written_limits(text(item, "text") or "", lows, highs)
    return min(lows, default=None), max(highs, default=None)


def _written_limits(words: str, lows: list[float], highs: list[float]) -> None:
    match = re.match(r"\s*(?:(<=?)\s*|([\d.,]{1,12})\s*[-–]\s*)([\d.,]{1,12})(?![\d.,])", words)
    numbers = [_number(part.replace(",", ".")) for part in (match[2] or "", match[3])] if match else []
    if match and numbers[-1] is not None:
        highs.append(numbers[-1])
        if numbers[0] is not None:
            lows.append(numbers[0])


def _number(value: Any) -> float | None:  # noqa: ANN401 - a JSON value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
