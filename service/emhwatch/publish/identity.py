"""Identifiers that are the same whenever the same thing is written, and say nothing about the patient.

`output` names a place: report, mass, panel. It stays over versions of the report, so that an amendment changes the
Observation that stands there instead of adding one. `evaluation` names report version, rule set and content as well:
it tells whether what stands on the server is what was meant. A report belongs to one patient, so the patient is not
part of either, and a merged patient moves without a new identifier (policy 9).
"""

import hashlib
import re
from collections.abc import Sequence
from uuid import UUID, uuid5

import orjson

from emhwatch.types import Resource

_SPACE = UUID("6f9d1a30-3b52-5e7c-9a44-6f2f6f3f1f0e")
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?")
#: Elements that change with the time of writing or tell the content apart from itself.
_VOLATILE = ("issued", "recorded", "text", "identifier", "sent", "authoredOn", "status", "period")


def output_id(focus: str, slot: str) -> str:
    """Value of the identifier of one place."""
    return str(uuid5(_SPACE, f"{focus}#{slot}"))


def evaluation_id(focus: str, version: str | None, rules: str, fingerprint: str) -> str:
    """Value of the identifier of one evaluation."""
    return str(uuid5(_SPACE, f"{focus}|{version or ''}|{rules}|{fingerprint}"))


def fingerprint(resources: Sequence[Resource]) -> str:
    """SHA-256 of what resources say, without when they were written."""
    stable = [{k: v for k, v in resource.items() if k not in _VOLATILE} for resource in resources]
    return hashlib.sha256(orjson.dumps(stable, option=orjson.OPT_SORT_KEYS)).hexdigest()


def split_reference(text: str | None) -> tuple[str, str | None] | None:
    """`Type/id` and version of a relative reference; None for anything else (contained, absolute, urn)."""
    match = _REFERENCE.fullmatch(text or "")
    return (match[1], match[2]) if match else None


def version_of(focus: str, sources: Sequence[str]) -> str | None:
    """The version in which a resource was used."""
    for source in sources:
        found = split_reference(source)
        if found and found[0] == focus and found[1]:
            return found[1]
    return None
