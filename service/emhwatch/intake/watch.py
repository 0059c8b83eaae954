"""What is looked at on the FHIR server: the search criteria of each watched type. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from emhwatch.errors import ConfigurationError

_KNOWN = frozenset(
    {"DiagnosticReport", "ImagingStudy", "Observation", "Condition", "ServiceRequest", "Procedure", "DocumentReference"}
)


@dataclass(frozen=True, slots=True)
class Watch:
    """One resource type."""

    resource_type: str
    params: tuple[tuple[str, str], ...]  #: beyond the type

    @property
    def criteria(self) -> str:
        """As in `Subscription.criteria`; servers require the question mark."""
        return f"{self.resource_type}?" + "&".join(f"{name}={value}" for name, value in self.params)


def watches(types: Sequence[str], *, laboratory: Sequence[str], tag: str = "") -> tuple[Watch, ...]:
    """The watches of the configured types.

    Args:
        types: resource types.
        laboratory: `system|code` tokens of hemoglobin and its companions; other Observations are too many.
        tag: `system|code`; empty for all resources.

    Raises:
        ConfigurationError: a type is not one that can change a decision.
    """
    unknown = sorted(set(types) - _KNOWN)
    if unknown:
        raise ConfigurationError(
            f"EMHWATCH_INTAKE_TYPES names {unknown[0]}.", remedy=f"Use types of {', '.join(sorted(_KNOWN))}."
        )
    found = []
    for name in dict.fromkeys(types):
        params: list[tuple[str, str]] = [("code", ",".join(laboratory))] if name == "Observation" else []
        if tag:
            params.append(("_tag", tag))
        found.append(Watch(name, tuple(params)))
    return tuple(found)
