"""From an assessment to the CDS Hooks cards that a clinician sees. Pure; every word stands in `mappings/cards/`."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from emhwatch.cds.fill import Writer
from emhwatch.cds.offers import suggestions
from emhwatch.cds.situation import Subject, situation
from emhwatch.model.assessment import Assessment
from emhwatch.tables.cardparts import CardTables
from emhwatch.tables.load import TableSet
from emhwatch.types import Resource

WITHDRAWN = "I-9"
#: Namespace of the ids of cards and suggestions.
_NAMESPACE = UUID("5a6b3d2e-9f0c-4c55-8f5e-0d1f6a7c9b21")


def build(
    assessment: Assessment,
    tables: TableSet,
    *,
    hook: str | None = None,
    orders: Sequence[Resource] = (),
    instance: str | None = None,
) -> list[dict[str, Any]]:
    """The cards of one evaluation: none, or one (policy 7.3, 7.6).

    Args:
        assessment: what was decided; a silenced one has no card.
        tables: the table set that the assessment was made with.
        hook: name of the hook that asks, part of the card's id.
        orders: ServiceRequests of the hook and of the chart, as they would be sent back in an update.
        instance: `hookInstance`; with it the card's id is unique to this call, without it to the evaluation.
    """
    card = shown(assessment)
    if card is None:
        return []
    subject = Subject(card, assessment, tables)
    inputs = situation(subject)
    summary = tables.cards.summary(card, inputs)
    if summary is None:
        return []
    writer = Writer(subject, inputs)
    rules = assessment.rules.digest
    name = ":".join((assessment.id, assessment.patient or "", assessment.t.isoformat(), assessment.row, card, rules))
    uuid = partial(_uuid, f"{name}:{hook or ''}:{instance or ''}")
    blocks = (b for b in tables.cards.blocks if b.scope.has(card) and b.text.fits(inputs))
    origin = tables.cards.origin
    built: dict[str, Any] = {
        "uuid": uuid("card"),
        "summary": writer.fill(summary.text),
        "indicator": summary.indicator,
        "detail": "\n\n".join(writer.fill(block.text.text).strip() for block in blocks),
        "source": {
            "label": writer.fill(origin.label),
            "topic": {"system": origin.topic_system, "code": card, "display": card},
        },
    }
    if offered := suggestions(subject, inputs, writer, orders, uuid):
        built |= {"suggestions": offered, "selectionBehavior": "any"}
    if card not in origin.without_reasons:
        built["overrideReasons"] = _reasons(tables.cards)
    if links := [{"label": k.label, "url": k.url, "type": k.type} for k in tables.cards.links if k.scope.has(card)]:
        built["links"] = links
    return [built]


def shown(assessment: Assessment) -> str | None:
    """The card that is shown: that of the decision, else the withdrawal of an earlier one."""
    if assessment.card and assessment.silenced is None:
        return assessment.card
    return WITHDRAWN if assessment.withdrawal and not assessment.card else None


def _reasons(cards: CardTables) -> list[dict[str, str]]:
    return [{"code": code, "system": cards.origin.reason_system, "display": display} for code, display in cards.reasons]


def _uuid(name: str, part: str) -> str:
    return str(uuid5(_NAMESPACE, f"{name}:{part}"))
