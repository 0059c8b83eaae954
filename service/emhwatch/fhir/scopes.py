"""SMART scopes: what the service needs, in both versions, and what a narrower grant leaves out."""

import re
from collections.abc import Iterable

#: Version 2 (SMART App Launch 2.2, scopes-and-launch-context), for the whole service.
NEEDED = (
    "system/DiagnosticReport.rs",
    "system/ImagingStudy.rs",
    "system/Patient.rs",
    "system/Observation.crus",
    "system/ServiceRequest.rs",
    "system/Encounter.r",
    "system/Condition.rs",
    "system/Procedure.rs",
    "system/MedicationRequest.rs",
    "system/MedicationStatement.rs",
    "system/Binary.r",
    "system/Provenance.crus",
    "system/Device.crus",
    "system/Subscription.cruds",
)
_SCOPE = re.compile(r"(system|user|patient)/([A-Za-z]+|\*)\.([a-z*]+)(\?.*)?")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


def as_v1(scopes: Iterable[str]) -> tuple[str, ...]:
    """The same permissions in version 1 words; version 1 cannot say less than read or write."""
    result: list[str] = []
    for scope in scopes:
        match = _SCOPE.fullmatch(scope)
        if match is None or match[3] in _V1:
            result.append(scope)
            continue
        if set(match[3]) & set("rs"):
            result.append(f"{match[1]}/{match[2]}.read")
        if set(match[3]) & set("cud"):
            result.append(f"{match[1]}/{match[2]}.write")
    return tuple(dict.fromkeys(result))


def missing(asked: Iterable[str], granted: Iterable[str]) -> tuple[str, ...]:
    """The asked scopes that the granted ones do not cover, whatever version either is written in.

    A granted scope with a query (`?category=...`) is narrower than what we ask and covers nothing of it.
    """
    have: dict[tuple[str, str], set[str]] = {}
    other: set[str] = set()
    for scope in granted:
        match = _SCOPE.fullmatch(scope)
        if match is None:
            other.add(scope)
        elif match[4] is None:
            have.setdefault((match[1], match[2]), set()).update(_V1.get(match[3], match[3]))
    lacking = []
    for scope in asked:
        match = _SCOPE.fullmatch(scope)
        if match is None:
            covered = scope in other
        else:
            letters = have.get((match[1], match[2]), set()) | have.get((match[1], "*"), set())
            covered = set(_V1.get(match[3], match[3])) <= letters
        if not covered:
            lacking.append(scope)
    return tuple(lacking)
