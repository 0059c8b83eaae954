"""Drug records of every kind to classes with their time (MedicationRequest, -Statement, -Administration, -Dispense)."""

from emhwatch.chart.codes import coded
from emhwatch.chart.dates import ended, written
from emhwatch.chart.index import Located
from emhwatch.chart.model import Drug, Transfusion
from emhwatch.chart.scope import Scope
from emhwatch.model.days import Days
from emhwatch.model.shape import concepts, flag, obj, objects, text
from emhwatch.types import Resource

KINDS = ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")
_RED_CELLS = "red-cells"  #: class of `mappings/chart/drugs.csv` that is a transfusion
_RUNNING = frozenset(("active", "in-progress"))
#: Intents of a MedicationRequest that are no order yet (R4, medicationrequest-intent).
_NO_ORDER = frozenset(("proposal", "plan", "option"))


def read_drug(scope: Scope, located: Located) -> Drug | Transfusion | None:
    """One drug record that counts; None for others, and for drugs that have no class here."""
    node = located.resource
    if scope.status(located) != "usable" or flag(node, "doNotPerform") or text(node, "intent") in _NO_ORDER:
        return None
    found = coded(scope, _medication(scope, located))
    signs = scope.chart.drugs
    names = found.names(signs) or signs.by_words(found.words)
    if not names and not found.hits:
        return None
    start, until = _times(scope, located)
    if start is not None and scope.past(start) is None:
        scope.gap("future", located)
        return None
    scope.use(located)
    if _RED_CELLS in names and located.kind == "MedicationAdministration":
        return Transfusion(
            reference=located.reference,
            version=located.version,
            days=scope.past(start),
            hits=found.hits,
            text=found.title,
        )
    classes = signs.ordered(names)
    keys = [key for key in (scope.chart.drug_keys.get(name) for name in classes) if key]
    keys += [key for hit in found.hits for key in hit.keys]
    return Drug(
        reference=located.reference,
        version=located.version,
        days=scope.past(start),
        hits=found.hits,
        classes=classes,
        named=tuple(dict.fromkeys(keys)),
        active=text(node, "status") in _RUNNING and (until is None or until.last >= scope.t),
        until=until,
        text=found.title,
    )


def _medication(scope: Scope, located: Located) -> list[Resource]:
    """The CodeableConcepts of the drug, in the record or in the Medication it refers to."""
    node = located.resource
    nodes = concepts(node, "medicationCodeableConcept")
    for reference in objects(node, "medicationReference"):
        medication = scope.index.resolve(reference, located)
        if medication is not None and scope.refused(medication) is None:
            nodes += concepts(medication.resource, "code")
            for ingredient in objects(medication.resource, "ingredient"):
                nodes += concepts(ingredient, "itemCodeableConcept")
        elif display := text(reference, "display"):
            nodes.append({"text": display})
        else:
            scope.gap("reference-missing", located, "medicationReference")
    return nodes


def _times(scope: Scope, located: Located) -> tuple[Days | None, Days | None]:
    node = located.resource
    stem = {"MedicationDispense": "whenHandedOver"}.get(located.kind, "effective")
    start = written(node, stem) or text(node, stem) or text(node, "authoredOn") or text(node, "dateAsserted")
    end = ended(node, "effective") or text(obj(obj(node, "dispenseRequest"), "validityPeriod"), "end")
    bounds = [obj(obj(d, "timing"), "repeat") for d in objects(node, "dosageInstruction")]
    end = end or max((e for b in bounds if (e := text(obj(b, "boundsPeriod"), "end"))), default=None)
    return scope.days(start, located, "effective[x]"), scope.days(end, located, "effectivePeriod.end")
