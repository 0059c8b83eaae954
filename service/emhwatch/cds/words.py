"""Facts in words for a card: what, in which words of which document, when; everything from a resource is escaped.
Pure.
"""

import datetime as dt
from collections.abc import Iterable

from emhwatch.cds.markdown import escaped, quoted
from emhwatch.model.assessment import Assessment, Fact, Ground, MassAssessment, ReportUsed
from emhwatch.tables.load import TableSet
from emhwatch.types import Source, Value


class Words:
    """Words for the parts of one evaluation."""

    def __init__(self, assessment: Assessment, tables: TableSet) -> None:
        self._assessment, self._tables = assessment, tables
        lead = assessment.leading
        #: Days that need not be said again: none, and that of the report on the first line.
        self._days = {None, lead.report.date if lead and lead.report else None}

    def say(self, value: str, kind: str = "text") -> str:
        """Words of the table for a value."""
        return self._tables.cards.say(kind, value)

    def label(self, key: str) -> str:
        """Words for a key."""
        return self._tables.keys.label(key)

    def day(self, day: dt.date | None) -> str:
        """A day, or that it is not stated."""
        return day.isoformat() if day else self.say("day-not-stated")

    def report(self, report: ReportUsed | None) -> str:
        """Kind of a report: its modality in words, else its own title."""
        if report is None:
            return self.say("report")
        known = self._tables.cards.words.get(("modality", report.modality or ""))
        return known or (escaped(report.title) if report.title else self.say("report"))

    def quote(self, fact: Fact | None, otherwise: str = "") -> str:
        """The sentence of a fact in quotation marks."""
        words = (fact.sentence or fact.text) if fact else None
        return quoted(words) if words else otherwise

    def evidence(self, fact: Fact) -> str:
        """One fact: what it means, in which words, when."""
        label = self._tables.cards.words.get(("lab", fact.key)) or self.label(fact.key)
        day = f" {fact.date.isoformat()}" if fact.date else ""
        if fact.source is Source.LAB and fact.text:
            return f"{label} {escaped(fact.text)}" + (f" {self.say('on')}{day}" if day else "")
        if fact.source is Source.TEXT and fact.text:
            return f"{label} ({quoted(fact.text)}{'' if fact.date in self._days else day})"
        return f"{label}, {self.say(fact.source, 'source')}{day}" if fact.source is Source.CODED else label

    def facts(self, facts: Iterable[Fact]) -> str:
        """Several facts, each once."""
        return ", ".join(dict.fromkeys(self.evidence(fact) for fact in facts))

    def ground(self, ground: Ground) -> str:
        """A ground of the blood grade with its facts."""
        return self.facts(ground.facts) or self.ground_name(ground)

    def ground_name(self, ground: Ground) -> str:
        """A ground of the blood grade in general words."""
        rules = self._tables.decision.grades.grounds
        return next((rule.words for rule in rules if rule.id == ground.id), ground.id)

    def danger(self, facts: Iterable[Fact]) -> str:
        """Danger items that are present or possible."""
        raised = [f for f in facts if f.value in (Value.PRESENT, Value.POSSIBLE)]
        return "; ".join(dict.fromkeys(self._raised(f) for f in raised)) or self.say("danger-unquoted")

    def _raised(self, fact: Fact) -> str:
        """A danger item with its words, and where and when they were written."""
        report = next((r for r in self._assessment.reports if r.reference == fact.reference), None)
        kind = self._tables.cards.words.get(("document", (fact.reference or "").partition("/")[0]))
        where = self.report(report) if report else kind or ""
        source = ", ".join(part for part in (where, fact.date.isoformat() if fact.date else "") if part)
        words = f"{self.label(fact.key)}: {self.quote(fact)}" if fact.text else self.label(fact.key)
        return words + (f" ({source})" if source else "")

    def place(self, mass: MassAssessment | None) -> str:
        """Sites of a mass."""
        labels = [self.label(key) for key in (mass.site_keys if mass else ())]
        return ", ".join(dict.fromkeys(labels)) or self.say("site-not-stated")

    def mass(self, mass: MassAssessment) -> str:
        """One line about a mass."""
        side = self.say(mass.side, "side") if mass.side else ""
        parts = [self.place(mass), span(mass.levels), side, self.say(mass.tier, "tier")]
        parts += [self.say("no-fit")] if mass.major else []
        parts += [self.say("pooled")] if mass.pooled else []
        return ", ".join(part for part in parts if part)


def span(levels: tuple[str, ...]) -> str:
    """Levels as written: one, or first to last."""
    return levels[0] if len(levels) == 1 else f"{levels[0]}-{levels[-1]}" if levels else ""
