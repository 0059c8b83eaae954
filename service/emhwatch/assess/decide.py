"""The decision of one mass: tier, row, hold gate (policy 6.3, 7.1, 7.2), with the rows that did not fire and why."""

from dataclasses import dataclass

from emhwatch.tables.decision import DecisionTables
from emhwatch.tables.rules import Bounds, Inputs
from emhwatch.types import Biopsy, Grade, Histology, Indicator, Tier, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All inputs of one mass."""

    blocked: bool = False
    mass: Value
    site: str | None
    blood: Grade
    danger: Value
    biopsy: Biopsy
    histology: Histology
    names_emh: Value
    supporting: int
    opposing: int
    major: bool
    colloid: Value = Value.UNKNOWN
    years: Bounds | None = None
    rival_leads: bool = False
    priority: str | None = None

    def inputs(self) -> dict[str, str | int | Bounds | None]:
        """By the names that the tables use."""
        return {
            "blocked": "yes" if self.blocked else "no",
            "mass": self.mass,
            "site": self.site,
            "blood": self.blood,
            "danger": self.danger,
            "biopsy": self.biopsy,
            "histology": self.histology,
            "names_emh": self.names_emh,
            "opposing": self.opposing,
            "net": self.supporting - self.opposing,
            "major": "yes" if self.major else "no",
            "colloid": self.colloid,
            "years": self.years,
            "rival_leads": "yes" if self.rival_leads else "no",
            "priority": self.priority,
        }


@dataclass(frozen=True, slots=True)
class Passed:
    """A row that did not fire, with the first condition that did not hold."""

    row: str
    failed: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the tables say."""

    row: str
    indicator: Indicator
    tier: Tier
    card: str | None
    hold: bool
    passed: tuple[Passed, ...]
    computed: Tier  #: tier of policy 6.3, whatever the row
    hold_failed: str | None  #: first condition of the hold gate that does not hold


def decide(question: Question, tables: DecisionTables) -> Decision:
    """Answer one question."""
    inputs = question.inputs()
    computed = _tier(inputs, tables)
    inputs["computed"] = computed
    passed = []
    for rule in tables.rows.rules:
        failed = rule.failed(inputs)
        if failed is not None:
            passed.append(Passed(rule.result["row"], str(failed)))
            continue
        tier = computed if rule.result["tier"] == "computed" else Tier(rule.result["tier"])
        inputs |= {"row": rule.result["row"], "tier": tier}
        gate = tables.hold.rules[0].failed(inputs)
        return Decision(
            row=rule.result["row"],
            indicator=Indicator(rule.result["indicator"]),
            tier=tier,
            card=rule.result["card"] or None,
            hold=gate is None,
            passed=tuple(passed),
            computed=computed,
            hold_failed=str(gate) if gate else None,
        )
    raise AssertionError("the rows of the decision table do not cover every case")  # a test proves that they do


def _tier(inputs: Inputs, tables: DecisionTables) -> Tier:
    rank = tables.rank["tier"]
    rule = tables.tiers.first(inputs)
    tier = Tier(rule.result["tier"]) if rule else Tier.LIMITED
    caps = [Tier(cap.result["cap"]) for cap in tables.caps.all(inputs)]
    return min([tier, *caps], key=lambda value: rank.get(value, 0))
