"""Validation of FHIR R4 resources; the only importer of fhir.resources.

That package has R4B (4.3.0) models and no R4 (4.0.1) ones. For the types that this service writes the two agree;
types that R4 does not have are refused. The models name the codes of a required binding and the types a reference
may point to, but do not enforce them, and they let empty elements pass; `problems` adds these. Nothing of a value
reaches a problem: the models' own messages quote what was sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from emhwatch.errors import FhirInvalidResource
from emhwatch.fhir.typical import typical
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


#: Digests of resources without their components, and of components, that were found valid, without what tells
#: patients apart: a service writes the same few hundred over and over.
_VALID: set[bytes] = set()
_REMEMBERED = 20_000


def problems(resource: Resource) -> tuple[str, ...]:
    """What is not valid, as `Observation.status: kind` lines; empty when all is well."""
    kind = resource.get("resourceType")
    model = _model(kind) if isinstance(kind, str) else None
    if model is None:
        return ("resourceType: not a resource type of FHIR R4",)
    rest, components = resource, list[Any]()
    if kind == "Observation" and isinstance(resource.get("component"), list):
        rest = {name: value for name, value in resource.items() if name != "component"}
        components = resource["component"] or [{}]  # an empty list is not valid
    whole, exact = _digest(typical(rest)), {_digest(component): component for component in components}
    # Most components say "unknown" and are the same to the letter.
    unseen = [component for digest, component in exact.items() if digest not in _VALID]
    fresh = {digest: it for it in unseen if (digest := _digest(typical(it))) not in _VALID}
    if whole in _VALID and not fresh:
        return ()
    if _problems(rest | {"component": list(fresh.values())} if fresh else rest, model):
        return _problems(resource, model)  # whole, so that the places are right
    if len(_VALID) > _REMEMBERED:
        _VALID.clear()
    _VALID.update((whole, *fresh, *exact))
    return ()


def _digest(part: object) -> bytes:
    return blake2b(orjson.dumps(part), digest_size=16).digest()


def _problems(resource: Resource, model: type[BaseModel]) -> tuple[str, ...]:
    kind = resource["resourceType"]
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return tuple(
            f"{kind}.{'.'.join(str(step) for step in detail['loc'])}: {detail['type']}"
            for detail in error.errors(include_url=False, include_context=False, include_input=False)
        )
    return tuple(_rules(resource, kind, model))


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


@dataclass(frozen=True, slots=True)
class _Field:
    """What the model of a type says about one of its elements."""

    codes: frozenset[str] | None  #: the codes of a required binding
    targets: frozenset[str] | None  #: the types that a reference may point to
    child: type[BaseModel] | None


@cache
def _fields(model: type[BaseModel]) -> dict[str, _Field]:
    """All elements of a model; read once, for the annotations are slow to read."""
    result = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        listed, targets = extra.get("enum_values"), extra.get("enum_reference_types")
        codes = frozenset(map(str, listed)) if isinstance(listed, list) and "+" not in listed else None
        bound = isinstance(targets, list) and "Resource" not in targets
        result[name] = _Field(
            _CODES.get((model.__name__, name), codes),
            frozenset(map(str, targets)) if bound and isinstance(targets, list) else None,
            _child(field),
        )
    return result


def _rules(node: Any, path: str, model: type[BaseModel] | None) -> Iterator[str]:  # noqa: ANN401 - decoded JSON
    """Codes, reference targets, and the empty elements that models let pass and servers refuse (R4, JSON)."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            if item in ({}, [], ""):
                yield f"{path}[{index}]: empty"
            yield from _rules(item, f"{path}[{index}]", model)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("resourceType"), str):
        model = _model(node["resourceType"])
    fields = _fields(model) if model else {}
    for name, value in node.items():
        field = fields.get(name, _UNKNOWN_FIELD)
        if value in ({}, [], "", None):
            yield f"{path}.{name}: empty"
        elif isinstance(value, str):
            if field.codes is not None and value not in field.codes:
                yield f"{path}.{name}: code not in the required value set"
        else:
            if field.targets is not None:
                yield from _targets(value, f"{path}.{name}", field.targets)
            if isinstance(value, dict | list):
                yield from _rules(value, f"{path}.{name}", field.child)


_UNKNOWN_FIELD = _Field(None, None, None)


def _targets(value: Any, path: str, allowed: frozenset[str]) -> Iterator[str]:  # noqa: ANN401 - decoded JSON
    for item in value if isinstance(value, list) else [value]:
        reference = item.get("reference") if isinstance(item, dict) else None
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(reference, str) and "/" in reference and not reference.startswith(("urn:", "#")):
            kind = reference.partition("/_history/")[0].split("/")[-2].partition("?")[0]
        if isinstance(kind, str) and kind not in allowed and kind[:1].isupper():
            yield f"{path}: reference to a type that R4 does not allow here"


def _child(field: FieldInfo) -> type[BaseModel] | None:
    """The model below a field; data types are named `abc.XType` in the annotations of fhir.resources."""
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
