"""OperationOutcome and HTTP status to errors, and back. Nothing that a server wrote reaches a message."""

import re
from collections.abc import Mapping
from typing import Any

from emhwatch.errors import (
    EmhError,
    FhirConflict,
    FhirError,
    FhirForbidden,
    FhirGone,
    FhirNotFound,
    FhirRejected,
    FhirThrottled,
    FhirUnauthorized,
    FhirUnavailable,
    OutcomeUnknown,
)
from emhwatch.types import Resource

#: Codes are safe to show; `diagnostics`, `details.text` and `expression` may quote what was sent.
_ISSUE_TYPE = re.compile(r"[a-z\-]{2,40}")
#: Servers name their own faults in the diagnostics ("HAPI-1094", "HAPI-0389"): a code, never data.
_SERVER_CODE = re.compile(r"\b([A-Z]{2,12}-\d{3,5})\b")
#: Answers that say the request was not executed, so that sending it again cannot do it twice.
NOT_EXECUTED = frozenset({401, 408, 425, 429, 503})
_FAILING = frozenset({408, 425, 500, 502, 503, 504})


def issue_codes(outcome: object) -> tuple[str, ...]:
    """Issue types and server codes of an OperationOutcome, in order, without any free text."""
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    found: list[str] = []
    for issue in issues if isinstance(issues, list) else []:
        if not isinstance(issue, dict):
            continue
        code = issue.get("code")
        if isinstance(code, str) and _ISSUE_TYPE.fullmatch(code):
            found.append(code)
        diagnostics = issue.get("diagnostics")
        if isinstance(diagnostics, str):
            found += _SERVER_CODE.findall(diagnostics)[:1]
    return tuple(dict.fromkeys(found))


def retry_after_s(headers: Mapping[str, str], *, limit_s: float = 300.0) -> float | None:
    """Seconds of `Retry-After`; None when it is missing or a date (dates depend on two clocks)."""
    text = headers.get("retry-after", "").strip()
    return min(float(text), limit_s) if re.fullmatch(r"\d{1,6}", text) else None


def error_of(status: int, body: object, headers: Mapping[str, str], *, writes: bool) -> FhirError:
    """The error of an answer that is not a success.

    A write that a failing server answered (500, 502, 504) may have been executed: `OutcomeUnknown`.
    """
    codes = issue_codes(body)
    words = f" ({', '.join(codes)})" if codes else ""
    if status == 429:
        return FhirThrottled(f"The FHIR server asks to slow down{words}.", retry_after_s=retry_after_s(headers))
    if status in _FAILING or status >= 500:
        if writes and status not in NOT_EXECUTED:
            return OutcomeUnknown(f"The FHIR server failed during a write{words}.", http_status=status)
        return FhirUnavailable(
            f"The FHIR server is failing{words}.", http_status=status, retry_after_s=retry_after_s(headers)
        )
    if 300 <= status < 400:
        return FhirRejected(
            "The FHIR server redirects; redirects are not followed.",
            remedy="Set EMHWATCH_FHIR_BASE_URL to the final address.",
            http_status=status,
        )
    kinds: dict[int, tuple[type[FhirError], str, str]] = {
        401: (FhirUnauthorized, "The FHIR server does not accept our credentials", "Check EMHWATCH_FHIR_AUTH."),
        403: (FhirForbidden, "The FHIR server forbids the request", "Check the scopes granted to the client."),
        404: (FhirNotFound, "The resource is not on the FHIR server", ""),
        409: (FhirConflict, "The FHIR server reports a conflict", ""),
        410: (FhirGone, "The resource was deleted", ""),
        412: (FhirConflict, "A condition of the request does not hold on the FHIR server", ""),
    }
    kind, text, remedy = kinds.get(status, (FhirRejected, "The FHIR server refuses the request", ""))
    return kind(f"{text}{words}.", remedy=remedy, http_status=status)


def operation_outcome(error: EmhError, *, severity: str = "error") -> dict[str, Any]:
    """The OperationOutcome of an error: its code and its fixed words."""
    issue: Resource = {"severity": severity, "code": error.issue_type, "diagnostics": f"{error.code}: {error}"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
