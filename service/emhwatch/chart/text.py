"""Text of a report from all its carriers, among the patient's own resources only."""

from dataclasses import dataclass

from emhwatch.carrier import report_text
from emhwatch.chart.index import Located
from emhwatch.chart.scope import Scope
from emhwatch.types import Resource


@dataclass(frozen=True, slots=True)
class JoinedText:
    """The text and what is missing of it."""

    text: str | None
    missing: tuple[str, ...] = ()  #: reasons of the carriers

    @property
    def first_line(self) -> str:
        """The heading, which often names the examination."""
        return next((line.strip() for line in (self.text or "").splitlines() if line.strip()), "")[:200]


def joined_text(scope: Scope, report: Resource, located: Located) -> JoinedText:
    """All readable text of a report; carriers that cannot be read are noted."""

    def resolve(reference: Resource | str) -> Resource | None:
        found = scope.index.resolve(reference, located)
        if found is None or found.reference in scope.excluded or scope.refused(found):
            return None
        return found.resource

    found = report_text(report, resolve, languages=tuple(scope.tables.text.languages))
    for item in found.missing:
        scope.gap("attachment", located, item.path)
    return JoinedText(found.text, tuple(dict.fromkeys(str(item.reason) for item in found.missing)))
