"""An `Assessment` as the JSON object of the interface; cards and Observations are added by the caller."""

from typing import Any

from emhwatch.model.assessment import Assessment, Fact, MassAssessment
from emhwatch.types import Biopsy, Histology, Value


def result(assessment: Assessment, *, given_id: str | None = None) -> dict[str, Any]:
    """Everything that was decided, with its evidence."""
    lead = assessment.leading
    document: dict[str, Any] = {
        "id": given_id if given_id is not None else assessment.id,
        "indicator": assessment.indicator,
        "row": assessment.row,
        "tier": assessment.tier,
        "card": assessment.card,
        "hold_offered": assessment.hold_offered,
        "mass": assessment.value,
        "site": lead.site_class if lead else None,
        "blood": assessment.blood.grade,
        "danger": assessment.danger,
        "biopsy": lead.biopsy if lead else Biopsy.UNKNOWN,
        "histology": lead.histology if lead else Histology.UNKNOWN,
        "names_emh": lead.names_emh if lead else Value.UNKNOWN,
        "supporting": lead.supporting if lead else 0,
        "opposing": lead.opposing if lead else 0,
        "net": lead.net if lead else 0,
        "major": lead.major if lead else False,
        "masses": [_mass(mass) for mass in assessment.masses],
        "facts": [_fact(fact) for fact in assessment.facts],
        "missing": [missing.words for missing in assessment.missing],
        "rules": {"version": assessment.rules.version, "digest": assessment.rules.digest},
    }
    if assessment.error:
        document["error"] = outcome(assessment.error)
    return document


def outcome(code: str, issue: str = "exception") -> dict[str, Any]:
    """A failure as an OperationOutcome; `code` is one of ours and never holds a value that was sent."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": issue, "diagnostics": code}],
    }


def failed(given_id: str | None, code: str, issue: str, rules: dict[str, str]) -> dict[str, Any]:
    """The result of an input that could not be evaluated: nothing is known, and nothing looks like "no EMH"."""
    return {
        "id": given_id,
        "indicator": "none",
        "row": "R0",
        "tier": "not-assessed",
        "card": None,
        "hold_offered": False,
        "mass": "unknown",
        "site": None,
        "blood": "unknown",
        "danger": "unknown",
        "biopsy": "unknown",
        "histology": "unknown",
        "names_emh": "unknown",
        "supporting": 0,
        "opposing": 0,
        "net": 0,
        "major": False,
        "masses": [],
        "facts": [],
        "missing": [],
        "rules": rules,
        "cards": [],
        "observations": [],
        "error": outcome(code, issue),
    }


def _mass(mass: MassAssessment) -> dict[str, Any]:
    return {
        "site": mass.site_class,
        "side": mass.side,
        "levels": list(mass.levels),
        "tier": mass.tier,
        "row": mass.row,
        "supporting": mass.supporting,
        "opposing": mass.opposing,
        "net": mass.net,
        "major": mass.major,
        "histology": mass.histology,
        "biopsy": mass.biopsy,
        "value": mass.value,
        "pooled": mass.pooled,
    }


def _fact(fact: Fact) -> dict[str, Any]:
    code = fact.code
    return {
        "key": fact.key,
        "value": fact.value,
        "mass": fact.mass,
        "source": fact.source,
        "reference": fact.reference,
        "section": fact.section,
        "start": fact.start,
        "end": fact.end,
        "text": fact.text,
        "code": {"system": code.system, "code": code.code, "display": code.display} if code else None,
        "date": fact.date.isoformat() if fact.date else None,
    }
