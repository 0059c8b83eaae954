"""Validation of FHIR R4 resources; the only importer of fhir.resources.

That package has R4B (4.3.0) models and no R4 (4.0.1) ones. For the types that this service writes the two agree;
types that R4 does not have are refused. The models name the codes of a required binding and the types a reference
may point to, but do not enforce them, and they let empty elements pass; `problems` adds these. Nothing of a value
reaches a problem: the models' own messages quote what was sent.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from emhwatch.errors import FhirInvalidResource
from emhwatch.types import Resource

#: Types of R4B that R4 does not have.
_R4_UNKNOWN = frozenset(
    {
        "AdministrableProductDefinition",
        "Citation",
        "ClinicalUseDefinition",
        "EvidenceReport",
        "Ingredient",
        "ManufacturedItemDefinition",
        "MedicinalProductDefinition",
        "NutritionProduct",
        "PackagedProductDefinition",
        "RegulatedAuthorization",
        "SubscriptionStatus",
        "SubscriptionTopic",
        "SubstanceDefinition",
    }
)
#: Required bindings of R4 that the models leave open (hl7.org/fhir/R4/valuesets.html).
_CODES: dict[tuple[str, str], frozenset[str]] = {
    (kind, "status"): frozenset(codes)
    for kind, codes in {
        "Observation": (
            *("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error"),
            "unknown",
        ),
        "Communication": (
            *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error"),
            "unknown",
        ),
        "Task": (
            *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress"),
            *("on-hold", "failed", "completed", "entered-in-error"),
        ),
    }.items()
}


def problems(resource: Resource) -> tuple[str, ...]:
    """What is not valid, as `Observation.status: kind` lines; empty when all is well."""
    kind = resource.get("resourceType")
    model = _model(kind) if isinstance(kind, str) else None
    if model is None:
        return ("resourceType: not a resource type of FHIR R4",)
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return tuple(
            f"{kind}.{'.'.join(str(step) for step in detail['loc'])}: {detail['type']}"
            for detail in error.errors(include_url=False, include_context=False, include_input=False)
        )
    return (*_rules(resource, str(kind), model), *_empties(resource, str(kind)))


def check(resource: Resource) -> Resource:
    """The resource itself when it is valid.

    Raises:
        FhirInvalidResource: names the elements, never their values.
    """
    found = problems(resource)
    if found:
        raise FhirInvalidResource("Not valid FHIR R4: " + "; ".join(found[:5]) + ".")
    return resource


@cache
def _model(kind: str) -> type[BaseModel] | None:
    if kind in _R4_UNKNOWN:
        return None
    try:
        model: type[BaseModel] = get_fhir_model_class(kind)
    except ValueError:
        return None
    return model


def _rules(node: Any, path: str, model: type[BaseModel] | None) -> Iterator[str]:  # noqa: ANN401 - decoded JSON
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _rules(item, f"{path}[{index}]", model)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("resourceType"), str):
        model = _model(node["resourceType"])
    for name, value in node.items():
        field = model.model_fields.get(name) if model else None
        extra = field.json_schema_extra if field and isinstance(field.json_schema_extra, dict) else {}
        codes = extra.get("enum_values")
        known = _CODES.get((model.__name__, name)) if model else None
        allowed = known or (frozenset(map(str, codes)) if isinstance(codes, list) and "+" not in codes else None)
        if allowed is not None and isinstance(value, str) and value not in allowed:
            yield f"{path}.{name}: code not in the required value set"
        targets = extra.get("enum_reference_types")
        if isinstance(targets, list) and "Resource" not in targets:
            yield from _targets(value, f"{path}.{name}", frozenset(map(str, targets)))
        yield from _rules(value, f"{path}.{name}", _child(field))


def _targets(value: Any, path: str, allowed: frozenset[str]) -> Iterator[str]:  # noqa: ANN401 - decoded JSON
    for item in value if isinstance(value, list) else [value]:
        reference = item.get("reference") if isinstance(item, dict) else None
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(reference, str) and "/" in reference and not reference.startswith(("urn:", "#")):
            kind = reference.partition("/_history/")[0].split("/")[-2].partition("?")[0]
        if isinstance(kind, str) and kind not in allowed and kind[:1].isupper():
            yield f"{path}: reference to a type that R4 does not allow here"


def _child(field: Any) -> type[BaseModel] | None:  # noqa: ANN401 - pydantic's FieldInfo
    """The model below a field; data types are named `abc.XType` in the annotations of fhir.resources."""
    if field is None:
        return None
    words = str(field.annotation)
    name = words.rpartition("abc.")[2].partition("Type")[0] if "abc." in words else ""
    return _model_by_name(name) if name else None


@cache
def _model_by_name(name: str) -> type[BaseModel] | None:
    try:
        found: type[BaseModel] = get_fhir_model_class(name)
    except ValueError:
        return None
    return found


def _empties(node: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - decoded JSON
    """Empty lists, objects and strings, which the models let pass and servers refuse (R4, JSON representation)."""
    if isinstance(node, dict):
        for name, value in node.items():
            if value in ({}, [], "", None):
                yield f"{path}.{name}: empty"
            yield from _empties(value, f"{path}.{name}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            if item in ({}, [], ""):
                yield f"{path}[{index}]: empty"
            yield from _empties(item, f"{path}[{index}]")
