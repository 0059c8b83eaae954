"""Alerts as FHIR resources: a Communication, a Task or a Flag that stands and falls with the assessment.

They are slots of the same resource set, so they are written once, corrected and withdrawn like the Observations.
Their words say that there is something to read, not what it says.
"""

from emhwatch.model.assessment import Assessment
from emhwatch.publish.coding import Coder
from emhwatch.publish.identity import output_id
from emhwatch.publish.narrative import narrative
from emhwatch.publish.options import WriteOptions
from emhwatch.types import Indicator, Resource


def alerts(coder: Coder, assessment: Assessment, options: WriteOptions, lead: str) -> dict[str, Resource]:
    """The alert resources of an assessment by slot; `lead` is the slot of the assessment that they are about."""
    if not due(assessment, options):
        return {}
    slots: dict[str, Resource] = {}
    about = f"urn:uuid:{output_id(assessment.focus or '', lead)}"
    words = coder.output.words["alert"]
    text = words[assessment.indicator]
    if options.recipient:
        slots["alert/communication"] = _communication(coder, assessment, options.recipient, text, about)
    if options.task_owner:
        slots["alert/task"] = _task(coder, assessment, options.task_owner, text, about)
    if options.flag:
        slots["alert/flag"] = _flag(coder, assessment, words["flag"])
    return slots


def due(assessment: Assessment, options: WriteOptions) -> bool:
    """Whether an assessment is one that somebody must be told about, outside a hook."""
    return (
        assessment.card is not None
        and assessment.silenced is None
        and assessment.indicator in options.alert_levels
        and assessment.indicator not in (Indicator.NONE, Indicator.SUPPRESSED)
    )


def _common(coder: Coder, assessment: Assessment, kind: str, slot: str, text: str) -> Resource:
    labels = [{"system": c.system, "code": c.code} for c in assessment.security]
    return {
        "resourceType": kind,
        "meta": {"security": [*labels, coder.coding("security", "ai")]},
        "text": narrative(coder.concept("panel", "alert")["text"], (), [text]),
        "identifier": [
            {"system": coder.output.url("identifier"), "value": output_id(assessment.focus or "", slot)},
        ],
    }


def _urgency(assessment: Assessment) -> str:
    return {Indicator.CRITICAL: "stat", Indicator.WARNING: "urgent"}.get(assessment.indicator, "routine")


def _communication(coder: Coder, assessment: Assessment, recipient: str, text: str, about: str) -> Resource:
    return {
        **_common(coder, assessment, "Communication", "alert/communication", text),
        "status": "completed",
        "category": [coder.concept("communication", "alert")],
        "priority": _urgency(assessment),
        "subject": {"reference": assessment.patient},
        "about": [{"reference": about}],
        "sent": assessment.now.isoformat(timespec="seconds"),
        "recipient": [{"reference": recipient}],
        "payload": [{"contentString": text}],
    }


def _task(coder: Coder, assessment: Assessment, owner: str, text: str, about: str) -> Resource:
    return {
        **_common(coder, assessment, "Task", "alert/task", text),
        "status": "requested",
        "intent": "proposal",
        "priority": _urgency(assessment),
        "code": coder.concept("panel", "alert"),
        "description": text,
        "focus": {"reference": about},
        "for": {"reference": assessment.patient},
        "authoredOn": assessment.now.isoformat(timespec="seconds"),
        "owner": {"reference": owner},
    }


def _flag(coder: Coder, assessment: Assessment, text: str) -> Resource:
    concept = coder.concept("panel", "alert")
    return {
        **_common(coder, assessment, "Flag", "alert/flag", text),
        "status": "active",
        "category": [coder.concept("flag", "clinical")],
        "code": {**concept, "text": text},
        "subject": {"reference": assessment.patient},
        "period": {"start": assessment.now.isoformat(timespec="seconds")},
    }
