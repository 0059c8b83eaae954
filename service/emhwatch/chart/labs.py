"""Observations and measurements in report texts to hemoglobin and other laboratory values (policy 4.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from emhwatch.chart.amount import Amount, amount, conversion, limits, text_amount
from emhwatch.chart.codes import Coded, coded
from emhwatch.chart.dates import dates_beside, parse_days, written
from emhwatch.chart.index import Located
from emhwatch.chart.model import CodeHit, Document, Gap, HbValue, LabValue, Report
from emhwatch.chart.scope import Scope
from emhwatch.model.days import Days
from emhwatch.model.reading import Measurement
from emhwatch.model.shape import concepts, obj, objects, text
from emhwatch.types import Experiencer, Resource, Source

HEMOGLOBIN = "hemoglobin"  #: analyte of `terminology/analytes.csv` that has rules of its own
_NONE = "none"


@dataclass(slots=True)
class Labs:
    """What was found so far."""

    hemoglobin: list[HbValue] = field(default_factory=list)
    values: list[LabValue] = field(default_factory=list)
    rejected: list[Days | None] = field(default_factory=list)

    def series(self) -> tuple[HbValue, ...]:
        """Hemoglobin, oldest first; of several values on one calendar day the lowest."""
        lowest: dict[object, HbValue] = {}
        for value in sorted(self.hemoglobin, key=_order):
            key = value.days if value.days and value.days.exact else (value.days, value.reference, value.original)
            if key not in lowest or value.g_per_l < lowest[key].g_per_l:
                lowest[key] = value
        return tuple(sorted(lowest.values(), key=_order))


def _order(value: HbValue) -> tuple[object, ...]:
    return (value.days, value.g_per_l, value.comparator or "", value.reference or "", value.original)


def read_observation(scope: Scope, located: Located, code: Coded, labs: Labs) -> bool:
    """Add the laboratory values of one Observation with its components; False when it holds none."""
    found = False
    for node, what in _parts(scope, located, code):
        analyte = _analyte(scope, what)
        if analyte is None:
            continue
        found = True
        if analyte == "":
            _reject(scope, located, labs, "code-conflict", None)
        elif scope.status(located) == "usable":
            _value(scope, located, node, analyte, what.hits, labs)
    return found


def read_measurements(scope: Scope, source: Report | Document, labs: Labs) -> None:
    """Add the values in a text; without a date of their own they have that of the document."""
    if source.reading is None:
        return
    stated = dates_beside(source.reading.text, [(m.start, m.end) for m in source.reading.measurements])
    for item, date in zip(source.reading.measurements, stated, strict=True):
        days = (parse_days(date, scope.zone) if date else None) or source.days
        days = scope.past(days)
        sent = text_amount(f"{item.comparator or ''}{item.value} {item.unit or ''}".strip(), scope.chart)
        if item.experiencer is Experiencer.PATIENT and days is not None:
            _measured(scope, source, item, sent, days, labs)


def _parts(scope: Scope, located: Located, code: Coded) -> Iterator[tuple[Resource, Coded]]:
    yield located.resource, code
    for component in objects(located.resource, "component"):
        if component.get("modifierExtension"):
            scope.gap("modifier-extension", located, "component")
        else:
            yield component, coded(scope, concepts(component, "code"))


def _analyte(scope: Scope, code: Coded) -> str | None:
    """Analyte of a code: code first, words second. None: no analyte. Empty: codes of several substances."""
    signs = scope.chart.analytes
    names = code.names(signs)
    if not names and not code.hits:
        names = signs.by_words(code.words) if code.texts else set()
    if len(names) > 1:
        return "" if HEMOGLOBIN in names else None
    return next(iter(names - {_NONE}), None)


def _value(scope: Scope, located: Located, node: Resource, analyte: str, hits: tuple[CodeHit, ...], labs: Labs) -> None:
    days = _sampled(scope, located)
    sent = amount(node, scope.chart)
    low, high = limits(node, sent.ucum, scope.chart)
    flags = coded(scope, concepts(node, "interpretation")).names(scope.chart.flags)
    if analyte == HEMOGLOBIN:
        problem = _specimen_problem(scope, located) or _problem(scope, analyte, sent, high, days)
        if problem:
            _reject(scope, located, labs, problem, days)
            return
    if days is None:
        return
    number = _converted(scope, analyte, sent)
    if number is None and not flags:
        return
    above = (
        sent.value is not None
        and high is not None
        and sent.value > high
        and not (sent.comparator or "").startswith("<")
    )
    below = (
        sent.value is not None and low is not None and sent.value < low and not (sent.comparator or "").startswith(">")
    )
    scope.use(located)
    if analyte == HEMOGLOBIN and number is not None:
        labs.hemoglobin.append(
            HbValue(
                reference=located.reference,
                version=located.version,
                days=days,
                hits=hits,
                g_per_l=number,
                comparator=sent.comparator,
                original=sent.original,
                source=Source.LAB,
            )
        )
        return
    labs.values.append(
        LabValue(
            reference=located.reference,
            version=located.version,
            days=days,
            hits=hits,
            analyte=analyte,
            value=number,
            comparator=sent.comparator,
            high=above or "high" in flags,
            low=below or "low" in flags,
            original=sent.original,
            source=Source.LAB,
        )
    )


def _measured(scope: Scope, source: Report | Document, item: Measurement, sent: Amount, days: Days, labs: Labs) -> None:
    if item.analyte == HEMOGLOBIN and (problem := _problem(scope, item.analyte, sent, None, days)):
        scope.gaps.append(Gap(f"hb-{problem}", source.reference))
        labs.rejected.append(days)
        return
    number = _converted(scope, item.analyte, sent)
    if item.analyte == HEMOGLOBIN and number is not None:
        labs.hemoglobin.append(
            HbValue(
                reference=source.reference,
                version=source.version,
                days=days,
                g_per_l=number,
                comparator=sent.comparator,
                original=item.text,
                source=Source.TEXT,
                section=str(item.section),
                start=item.start,
                end=item.end,
            )
        )
    elif item.analyte != HEMOGLOBIN and (number is not None or item.high):
        labs.values.append(
            LabValue(
                reference=source.reference,
                version=source.version,
                days=days,
                analyte=item.analyte,
                value=number,
                comparator=sent.comparator,
                high=item.high,
                low=False,
                original=item.text,
                source=Source.TEXT,
                section=str(item.section),
                start=item.start,
                end=item.end,
            )
        )


def _problem(scope: Scope, analyte: str, sent: Amount, ceiling: float | None, days: Days | None) -> str | None:
    if sent.problem:
        return sent.problem
    rule = conversion(analyte, sent.ucum, scope.chart, scope.options)
    if rule is None or sent.value is None:
        return "unit"
    if not rule.low <= sent.value * rule.factor <= rule.high:
        return "implausible"
    if ceiling is not None and rule.ceiling and not rule.ceiling[0] <= ceiling * rule.factor <= rule.ceiling[1]:
        return "range"
    return "no-date" if days is None else None


def _converted(scope: Scope, analyte: str, sent: Amount) -> float | None:
    rule = conversion(analyte, sent.ucum, scope.chart, scope.options)
    if rule is None or sent.value is None or sent.problem:
        return None
    number = round(sent.value * rule.factor, 6)  # 13.1 g/dL is 131 g/L, not 130.99999999999997
    return number if rule.low <= number <= rule.high else None


def _reject(scope: Scope, located: Located, labs: Labs, problem: str, days: Days | None) -> None:
    scope.gap(f"hb-{problem}", located)
    labs.rejected.append(days)


def _sampled(scope: Scope, located: Located) -> Days | None:
    """When the sample was taken: effective, else the specimen's collection, else the report's, else issued."""
    node = located.resource
    reference = obj(node, "specimen")
    specimen = scope.index.resolve(reference, located) if reference else None
    candidates = [
        written(node, "effective"),
        written(obj(specimen.resource, "collection"), "collected") if specimen else None,
        written(located.parent.resource, "effective") if located.parent else None,
        text(node, "issued"),
    ]
    value = next((item for item in candidates if item), None)
    days = scope.days(value, located, "effective[x]")
    if days is not None and scope.past(days) is None:
        scope.gap("future", located)
    return scope.past(days)


def _specimen_problem(scope: Scope, located: Located) -> str | None:
    reference = obj(located.resource, "specimen")
    if not reference:
        return None
    specimen = scope.index.resolve(reference, located)
    nodes: list[Resource] = [{"text": text(reference, "display")}] if text(reference, "display") else []
    if specimen is not None:
        nodes += concepts(specimen.resource, "type")
        nodes += concepts(obj(specimen.resource, "collection"), "bodySite")
    return "specimen" if coded(scope, nodes).all_names(scope.chart.specimens) else None


def all_observations(scope: Scope, located: Located) -> Iterable[Located]:
    """An Observation itself, or those contained in a report."""
    if located.kind == "Observation":
        return (located,)
    return (item for item in scope.index.contained(located) if item.kind == "Observation")
