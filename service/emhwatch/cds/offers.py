"""Suggestions of a card: orders that a clinician may create, hold or annotate. Nothing is pre-selected. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emhwatch.cds.fill import Writer
from emhwatch.cds.situation import Subject
from emhwatch.tables.cardparts import Offer
from emhwatch.tables.wording import Situation
from emhwatch.types import Resource

_ORDER = "ServiceRequest"


@dataclass(frozen=True, slots=True)
class BiopsyOrder:
    """The order that the card is about."""

    reference: str
    resource: Resource | None
    unsigned: bool


def biopsy_order(subject: Subject, orders: Sequence[Resource]) -> BiopsyOrder | None:
    """The hook's order, else the order on file; None when there is none."""
    a, mass = subject.assessment, subject.mass
    on_file = mass.biopsy_fact.reference if mass and mass.biopsy_fact else None
    reference = a.draft_order or on_file
    if not reference or not reference.startswith(f"{_ORDER}/"):
        return None
    found = next((o for o in orders if f"{o.get('resourceType')}/{o.get('id')}" == reference), None)
    unsigned = reference == a.draft_order and (found is None or found.get("status") == "draft")
    return BiopsyOrder(reference, found, unsigned)


def suggestions(
    subject: Subject, situation: Situation, writer: Writer, orders: Sequence[Resource], uuid: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Every offer that fits, in table order."""
    order = biopsy_order(subject, orders)
    found = []
    for offer in subject.tables.cards.offers:
        if not offer.scope.has(subject.card) or not offer.when.holds(situation):
            continue
        label = writer.fill(offer.label)
        action = _action(offer, subject, writer, order, label)
        if action is not None:
            found.append({"label": label, "uuid": uuid(offer.id), "isRecommended": False, "actions": [action]})
    return found


def _action(
    offer: Offer, subject: Subject, writer: Writer, order: BiopsyOrder | None, label: str
) -> dict[str, Any] | None:
    if offer.do == "create":
        if subject.assessment.patient is None:
            return None  # an order must name its patient
        return {"type": "create", "description": label, "resource": _new_order(offer, subject, writer)}
    if order is None:
        return None
    if offer.do == "hold" and order.unsigned:
        return {"type": "delete", "description": label, "resourceId": order.reference}
    if order.resource is None:
        return None
    if offer.do == "hold":
        return {"type": "update", "description": label, "resource": {**order.resource, "status": "on-hold"}}
    given = order.resource.get("note")
    notes = [*(given if isinstance(given, list) else []), {"text": writer.fill(offer.order)}]
    return {"type": "update", "description": label, "resource": {**order.resource, "note": notes}}


def _new_order(offer: Offer, subject: Subject, writer: Writer) -> Resource:
    code: Mapping[str, Any] = {
        **({"coding": [dict(coding) for coding in offer.codes]} if offer.codes else {}),
        "text": writer.fill(offer.order),
    }
    return {
        "resourceType": _ORDER,
        "status": "draft",
        "intent": "order",
        "priority": offer.priority_on.get(subject.card, offer.priority),
        "code": code,
        "subject": {"reference": subject.assessment.patient},
    }
