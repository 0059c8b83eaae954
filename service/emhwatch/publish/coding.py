"""CodeableConcepts of `mappings/output/`, with the version of the table set on our own code systems."""

from dataclasses import dataclass
from typing import Any

from emhwatch.tables.load import TableSet
from emhwatch.tables.output import OutputTables
from emhwatch.types import Resource, Value


@dataclass(frozen=True, slots=True)
class Coder:
    """Codings by set and name."""

    output: OutputTables
    version: str

    @classmethod
    def of(cls, tables: TableSet) -> "Coder":
        """The coder of a table set."""
        return cls(tables.output, tables.version)

    def coding(self, group: str, name: str) -> Resource:
        """One coding."""
        found = self.output.code(group, name)
        return self.own(found.system.id, found.code, found.display)

    def own(self, system: str, code: str, display: str = "") -> Resource:
        """A coding of any system of the tables, for codes that stand in another table (keys, rows)."""
        at = self.output.systems[system]
        coding: Resource = {"system": at.url}
        if at.own:
            coding["version"] = self.version
        coding["code"] = code
        if display:
            coding["display"] = display
        return coding

    def concept(self, group: str, name: str) -> Resource:
        """A concept with its words as text."""
        coding = self.coding(group, name)
        return {"coding": [coding], "text": coding.get("display", coding["code"])}

    def component(self, name: str, value: Resource) -> Resource:
        """A component of the assessment: `value` is a `value[x]` or a `dataAbsentReason`."""
        return {"code": self.concept("component", name), **value}

    def coded(self, group: str, name: str | None) -> Resource:
        """`valueCodeableConcept`; a name without a code (unknown, not said) has no value."""
        if name is None or (group, name) not in self.output.codes:
            return self.absent()
        return {"valueCodeableConcept": self.concept(group, name)}

    def value(self, value: Value) -> Resource:
        """One of the four values; unknown is written as unknown, never as absent."""
        return self.coded("value", value)

    def absent(self, reason: str = "unknown") -> Resource:
        """`dataAbsentReason`."""
        return {"dataAbsentReason": self.concept("absent", reason)}

    def interpretation(self, value: Value) -> dict[str, Any]:
        """POS, NEG or IND; nothing for unknown."""
        if value is Value.UNKNOWN:
            return {}
        return {"interpretation": [self.concept("interpretation", value)]}
