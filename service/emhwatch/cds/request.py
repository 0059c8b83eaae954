"""A CDS Hooks request, read leniently where clients differ and strictly where a mistake would mislead. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from emhwatch.errors import HookRequestInvalid
from emhwatch.tables.clients import Hook, Profile
from emhwatch.types import Resource

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_REFERENCE = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})\Z")
_ORDER = "ServiceRequest"
_BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """`fhirServer` with `fhirAuthorization`; nothing of it is kept, logged or shown."""

    base: str
    token: str | None = field(repr=False)
    patient: str | None


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call of a service."""

    hook: Hook
    instance: str
    patient: str  #: id, without "Patient/"
    user: str | None
    encounter: str | None
    context: Mapping[str, Any]
    prefetch: Mapping[str, Any]  #: an absent key was not supplied, None means that there is nothing
    access: FhirAccess | None
    orders: tuple[Resource, ...]  #: the orders that decide whether to speak
    order_references: tuple[str, ...]  #: orders to fetch: "ServiceRequest/x"
    order_actions: bool  #: the orders can be changed by an action


def parse_request(body: object, hooks: Mapping[str, Hook], profile: Profile) -> HookRequest:
    """Check and read a request; `hooks` are those of the service that is called.

    Raises:
        HookRequestInvalid: with the path of the element, never its value.
    """
    if not isinstance(body, dict):
        raise _invalid("The body is not a JSON object.")
    name = body.get("hook")
    hook = hooks.get(name) if isinstance(name, str) else None
    if hook is None:
        raise _invalid("hook is missing or not one that this service answers.")
    context = body.get("context")
    if not isinstance(context, dict):
        raise _invalid("context is missing or not an object.")
    if "userId" not in context and isinstance(body.get("user"), str):
        context = {**context, "userId": body["user"]}
    for required in hook.required:
        if context.get(required) in (None, "", {}):
            raise _invalid(f"context.{required} is missing.")
    prefetch = body.get("prefetch")
    if prefetch is not None and not isinstance(prefetch, dict):
        raise _invalid("prefetch is not an object.")
    if not isinstance(body.get("extension", {}), dict):
        raise _invalid("extension is not an object.")
    orders, references = _orders(context, hook, profile)
    patient = _patient(context["patientId"])
    request = HookRequest(
        hook=hook,
        instance=_instance(body.get("hookInstance")),
        patient=patient,
        user=_text(context, "userId"),
        encounter=_text(context, "encounterId"),
        context=context,
        prefetch=prefetch or {},
        access=_access(body, patient),
        orders=orders,
        order_references=references,
        order_actions=hook.orders in ("", "draftOrders"),
    )
    _same_patient(request)
    return request


def resources_of(value: object) -> list[Resource]:
    """The resources of a prefetch value: itself, or the entries of a Bundle."""
    if not isinstance(value, dict):
        return []
    if value.get("resourceType") != "Bundle":
        return [value] if isinstance(value.get("resourceType"), str) else []
    found = [entry.get("resource") for entry in _objects(value.get("entry"))]
    return [r for r in found if isinstance(r, dict) and isinstance(r.get("resourceType"), str)]


def _invalid(message: str) -> HookRequestInvalid:
    return HookRequestInvalid(message)


def _instance(value: object) -> str:
    try:
        return str(UUID(value)) if isinstance(value, str) else _refuse_instance()
    except ValueError:
        return _refuse_instance()


def _refuse_instance() -> str:
    raise _invalid("hookInstance is missing or not a UUID.")


def _patient(value: object) -> str:
    ident = value.removeprefix("Patient/") if isinstance(value, str) else ""
    if not _ID.match(ident):
        raise _invalid("context.patientId is not the id of a patient.")
    return ident


def _text(context: Mapping[str, Any], name: str) -> str | None:
    value = context.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 256:
        raise _invalid(f"context.{name} is not a short string.")
    return value


def _access(body: Mapping[str, Any], patient: str) -> FhirAccess | None:
    base, given = body.get("fhirServer"), body.get("fhirAuthorization")
    if given is not None and not isinstance(given, dict):
        raise _invalid("fhirAuthorization is not an object.")
    if base is None:
        if given is not None:
            raise _invalid("fhirServer is missing beside fhirAuthorization.")
        return None
    if not isinstance(base, str) or len(base) > 2048:
        raise _invalid("fhirServer is not a URL.")
    if given is None:
        return FhirAccess(base, None, None)
    token, kind, granted = given.get("access_token"), given.get("token_type", "Bearer"), given.get("patient")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise _invalid("fhirAuthorization.access_token is missing.")
    if not isinstance(kind, str) or kind.lower() != _BEARER:
        raise _invalid("fhirAuthorization.token_type is not Bearer.")
    if granted is not None and (not isinstance(granted, str) or granted.removeprefix("Patient/") != patient):
        raise _invalid("fhirAuthorization.patient is not the patient of the context.")
    return FhirAccess(base, token, patient if granted else None)


def _orders(context: Mapping[str, Any], hook: Hook, profile: Profile) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
    if not hook.orders:
        return (), ()
    given = context[hook.orders]
    if hook.orders == "dispatchedOrders":
        references = _references(given, hook.orders)
        return (), tuple(r for r in references if r.partition("/")[0] in profile.order_types)
    found = _bundle(given, hook.orders)
    if hook.orders == "appointments":
        return tuple(_slot(r) for r in found if r.get("resourceType") == "Appointment"), _based_on(found)
    if hook.selected:
        selected = set(_references(context["selections"], "selections"))
        found = [r for r in found if f"{r.get('resourceType')}/{r.get('id')}" in selected]
    return tuple({**r, "resourceType": _ORDER} for r in found if r.get("resourceType") in profile.order_types), ()


def _bundle(value: object, name: str) -> list[Resource]:
    """Orders of a Bundle without any demands on it, or of a plain list."""
    if isinstance(value, dict) and isinstance(value.get("entry", []), list):
        return resources_of({**value, "resourceType": "Bundle"})
    if isinstance(value, list):
        return _objects(value)
    raise _invalid(f"context.{name} is not a Bundle.")


def _references(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _invalid(f"context.{name} is not a list of references.")
    return [item for item in value if _REFERENCE.match(item)]


def _slot(appointment: Resource) -> Resource:
    """An appointment as the order that it stands for."""
    described = appointment.get("description")
    kinds = _objects(appointment.get("serviceType")) + ([{"text": described}] if isinstance(described, str) else [])
    codings = [coding for kind in kinds for coding in _objects(kind.get("coding"))]
    words = [kind.get("text") for kind in kinds] + [coding.get("display") for coding in codings]
    return {
        "resourceType": _ORDER,
        "id": appointment.get("id"),
        "status": "draft",
        "intent": "order",
        "code": {"coding": codings, "text": "; ".join(word for word in words if isinstance(word, str) and word)},
        "reasonCode": _objects(appointment.get("reasonCode")),
        "subject": _participant(appointment),
    }


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _participant(appointment: Resource) -> dict[str, Any]:
    actors = [participant.get("actor") for participant in _objects(appointment.get("participant"))]
    patients = [f"Patient/{about}" for about in map(_target, actors) if about]
    return {"reference": patients[0]} if patients else {}


def _based_on(appointments: Sequence[Resource]) -> tuple[str, ...]:
    references = [based.get("reference") for a in appointments for based in _objects(a.get("basedOn"))]
    return tuple(r for r in references if isinstance(r, str) and _REFERENCE.match(r) and r.startswith(f"{_ORDER}/"))


def _same_patient(request: HookRequest) -> None:
    """Refuse data of another patient; ids that the patient's own record links to are the same one."""
    allowed = {request.patient}
    patients = [r for v in request.prefetch.values() for r in resources_of(v) if r.get("resourceType") == "Patient"]
    for patient in patients:
        linked = {_target(link.get("other")) for link in _objects(patient.get("link"))} - {None}
        if patient.get("id") != request.patient and request.patient not in linked:
            raise _invalid("prefetch holds another patient than context.patientId.")
        allowed |= {str(patient.get("id")), *(str(x) for x in linked)}
    for key, value in request.prefetch.items():
        for resource in resources_of(value):
            about = _target(resource.get("subject")) or _target(resource.get("patient"))
            if about is not None and about not in allowed:
                raise _invalid(f"prefetch.{key if key.isidentifier() else '?'} holds data of another patient.")


def _target(reference: object) -> str | None:
    text = reference.get("reference") if isinstance(reference, dict) else None
    if not isinstance(text, str) or "Patient/" not in text:
        return None
    return text.rpartition("Patient/")[2].partition("/")[0]
