"""The status of what stands on the server, over versions, corrections and withdrawals. Pure."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from emhwatch.types import Resource

#: What a type ends with when the assessment no longer holds.
RETIRED: Mapping[str, str] = {
    "Observation": "entered-in-error",
    "Communication": "entered-in-error",
    "Task": "cancelled",
    "Flag": "inactive",
}
#: A person has taken responsibility for the content.
_CONFIRMED = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True, slots=True)
class Standing:
    """One place as it stands on the server, as far as we know."""

    identifier: str
    slot: str
    kind: str
    resource_id: str | None = None
    version: str | None = None
    status: str | None = None
    evaluation: str | None = None
    retired: bool = False  #: by us
    certain: bool = True  #: False: the outcome of the last request is not known

    @property
    def reference(self) -> str | None:
        """`Type/id` when it is known."""
        return f"{self.kind}/{self.resource_id}" if self.resource_id else None

    @property
    def refused_by_person(self) -> bool:
        """Somebody at the hospital, not we, set it to its end."""
        return not self.retired and self.status == RETIRED[self.kind]


def next_status(kind: str, made: str, standing: Standing, *, new_version: bool) -> str:
    """Status of an update.

    Args:
        kind: resource type.
        made: status that a first write has.
        standing: what stands there.
        new_version: the report has another version than the one before.
    """
    if kind != "Observation":
        return made if standing.retired or new_version or standing.status is None else standing.status
    if standing.status in _CONFIRMED or standing.retired:
        return "corrected" if new_version or standing.retired else "amended"
    return "corrected" if new_version or standing.status == "corrected" else made


def retire(current: Resource, words: str) -> Resource:
    """The resource with its end status and a narrative that says so; identifiers and content stay."""
    gone = copy.deepcopy(current)
    gone["status"] = RETIRED[gone["resourceType"]]
    narrative = gone.get("text")
    div = narrative.get("div") if isinstance(narrative, dict) else None
    mark = f"<p><b>{words}</b></p>"
    if isinstance(narrative, dict) and isinstance(div, str) and mark not in div and div.rstrip().endswith("</div>"):
        narrative["div"] = div.rstrip()[: -len("</div>")] + mark + "</div>"
    return gone
