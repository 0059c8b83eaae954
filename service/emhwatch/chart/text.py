"""Text of a report from all its carriers."""

from dataclasses import dataclass

from emhwatch.chart.index import Located
from emhwatch.chart.interim import read_report, report_text
from emhwatch.chart.scope import Scope
from emhwatch.model.reading import Reading
from emhwatch.types import Resource


@dataclass(frozen=True, slots=True)
class JoinedText:
    """The text and what is missing of it."""

    text: str | None
    missing: tuple[str, ...] = ()  #: codes of the carriers

    @property
    def first_line(self) -> str:
        """The heading, which often names the examination."""
        return next((line.strip() for line in (self.text or "").splitlines() if line.strip()), "")[:200]

    def read(self, scope: Scope, modality: str | None) -> Reading | None:
        """What the text says."""
        return read_report(self.text or "", scope.tables, modality)


def joined_text(scope: Scope, report: Resource, located: Located) -> JoinedText:
    """All readable text of a report; carriers that cannot be read are noted."""
    found, missing = report_text(report)
    for _ in missing:
        scope.gap("attachment", located)
    return JoinedText(found, missing)
