"""`mappings/decision/`: limits, constants, grades, the scoring sheet, tiers, rows and the hold gate."""

from collections.abc import Mapping
from dataclasses import dataclass

from emhwatch.tables import constants as constant_table
from emhwatch.tables import keys as key_table
from emhwatch.tables.grades import GradeTables, parse_grades
from emhwatch.tables.rules import NUMBER, Rule, RuleTable, parse_condition, parse_table
from emhwatch.tables.scores import ScoreTables, parse_scores
from emhwatch.tables.source import Row, TableFiles
from emhwatch.types import Biopsy, Grade, Histology, Indicator, Tier, Value

FOLDER = "mappings/decision"
_VALUES = tuple(Value)
_YES = ("yes", "no")
#: What the decision tables may ask, and the values it can have.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "blocked": _YES,
    "danger": _VALUES,
    "mass": _VALUES,
    "site": ("A1", "A2"),
    "histology": tuple(Histology),
    "blood": tuple(Grade),
    "major": _YES,
    "biopsy": tuple(Biopsy),
    "colloid": _VALUES,
    "names_emh": _VALUES,
    "computed": (Tier.STRONG, Tier.MODERATE, Tier.LIMITED),
    "tier": tuple(Tier),
    "row": (),
    "rival_leads": _YES,
    "priority": ("routine", "urgent", "asap", "stat"),
    "net": (NUMBER,),
    "opposing": (NUMBER,),
    "years": (NUMBER,),
}
_ROWS = ("blocked", "danger", "mass", "histology", "blood", "major", "biopsy", "net", "years", "names_emh", "computed")


@dataclass(frozen=True, slots=True)
class LabKey:
    """What a laboratory value says beside the blood grade."""

    analyte: str
    low: bool  #: below the limit, else above it
    key: str
    limit: float | None  #: beyond it, flag or not; None: only as the laboratory flags it

    def says(self, value: float | None, *, low: bool, high: bool) -> bool:
        """Whether a value, with its flags, sets the key."""
        if low if self.low else high:
            return True
        if value is None or self.limit is None:
            return False
        return value < self.limit if self.low else value > self.limit


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of `missing.csv`."""

    code: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class DecisionTables:
    """Everything that the policy decides with."""

    constants: Mapping[str, int]
    hb_limits: RuleTable
    grades: GradeTables
    scores: ScoreTables
    tiers: RuleTable
    caps: RuleTable
    rows: RuleTable
    hold: RuleTable
    reasons: Mapping[str, Reason]
    implications: Mapping[str, tuple[str, ...]]  #: key -> keys that it carries with it
    yields: tuple[tuple[str, str], ...]  #: a key that is not set beside another that is present
    drug_windows: Mapping[str, int]  #: key of a drug class -> days that an old record counts
    lab_keys: tuple[LabKey, ...]
    rank: Mapping[str, Mapping[str, int]]  #: "indicator", "tier" -> value -> rank

    def words(self, code: str) -> str:
        """Words of a reason; the code itself when it is not in the table."""
        return self.reasons[code].words if code in self.reasons else code


def parse(files: TableFiles) -> DecisionTables:
    """Read and check the tables; problems go to `files`."""
    keys = key_table.parse(files)
    constants = constant_table.parse(files)
    rows = parse_table(files, f"{FOLDER}/rows.csv", _inputs(*_ROWS), ("row", "indicator", "tier", "card"))
    for rule in rows.rules:
        _member(files, "rows.csv", rule.line, rule.result["indicator"], tuple(Indicator))
        _member(files, "rows.csv", rule.line, rule.result["tier"], (*Tier, "computed"))
    if rows.first({}) is not None:
        files.problem(f"{FOLDER}/rows.csv", 0, "row", "a row fits nothing known", "give it a condition")
    tiers = parse_table(
        files, f"{FOLDER}/tiers.csv", _inputs("blood", "site", "colloid", "major", "opposing", "net"), ("tier",)
    )
    if not tiers.rules or tiers.rules[-1].conditions:
        files.problem(f"{FOLDER}/tiers.csv", 0, "tier", "no last row without a condition", "end with the lowest tier")
    caps = parse_table(files, f"{FOLDER}/tier_caps.csv", _inputs("mass", "major", "years", "site"), ("cap",))
    for name, column, table in (("tiers.csv", "tier", tiers), ("tier_caps.csv", "cap", caps)):
        for rule in table.rules:
            _member(files, name, rule.line, rule.result[column], INPUTS["computed"])
    return DecisionTables(
        constants=constants,
        hb_limits=_limits(files),
        grades=parse_grades(files, keys.by_role, keys.by_key, constants),
        scores=parse_scores(files, keys.by_role, keys.by_key, constants.get("major_points", 0)),
        tiers=tiers,
        caps=caps,
        rows=rows,
        hold=_hold(files, {rule.result["row"] for rule in rows.rules}),
        reasons=_reasons(files),
        implications=_implications(files, keys),
        yields=tuple(
            (_known(files, row, "key", keys), _known(files, row, "beside", keys))
            for row in files.csv(f"{FOLDER}/yields.csv", ("key", "beside"))
        ),
        drug_windows=_drug_windows(files, keys, constants),
        lab_keys=_lab_keys(files, keys, constants),
        rank=_rank(files),
    )


def _inputs(*names: str) -> dict[str, tuple[str, ...]]:
    return {name: INPUTS[name] for name in names}


def _member(files: TableFiles, name: str, line: int, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        files.problem(f"{FOLDER}/{name}", line, value, "unknown value", f"use {' '.join(allowed)}")


def _limits(files: TableFiles) -> RuleTable:
    path = f"{FOLDER}/hb_limits.csv"
    inputs = {"months": (NUMBER,), "gestation": (NUMBER, "unknown"), "sex": ("male", "female")}
    table = parse_table(files, path, inputs, ("person", "limit_g_per_l"))
    for rule in table.rules:
        if rule.result["limit_g_per_l"] and not rule.result["limit_g_per_l"].isdecimal():
            files.problem(path, rule.line, rule.result["person"], "limit is no whole number", "write g/L as digits")
    if not table.rules or table.rules[-1].conditions:
        files.problem(path, 0, "person", "no last row without a condition", "end with the limit for everybody else")
    return table


def _hold(files: TableFiles, rows: set[str]) -> RuleTable:
    """Each row of the gate becomes a condition of one rule."""
    path = f"{FOLDER}/hold.csv"
    conditions = []
    for row in files.csv(path, ("input", "allowed", "words")):
        values = tuple(rows) if row["input"] == "row" else INPUTS.get(row["input"])
        condition = parse_condition(row["input"], row["allowed"])
        if values is None or condition is None:
            files.problem(path, row.line, row["input"], "unknown input or empty condition", f"use {' '.join(INPUTS)}")
            continue
        if unknown := (condition.allowed | condition.forbidden) - set(values):
            files.problem(path, row.line, row["input"], f"unknown value {sorted(unknown)[0]}", "correct it")
        conditions.append(condition)
    return RuleTable((Rule(tuple(conditions), {}, 0),)) if conditions else RuleTable(())


def _reasons(files: TableFiles) -> dict[str, Reason]:
    rows = files.csv(f"{FOLDER}/missing.csv", ("code", "kind", "words"))
    return {row["code"]: Reason(row["code"], row["kind"], row["words"]) for row in rows}


def _known(files: TableFiles, row: Row, column: str, keys: key_table.KeyTables) -> str:
    if row[column] not in keys.by_key:
        files.problem(row.file, row.line, row[column], "unknown key", "use one of mappings/keys.csv")
    return row[column]


def _implications(files: TableFiles, keys: key_table.KeyTables) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in files.csv(f"{FOLDER}/implications.csv", ("key", "implies")):
        key = _known(files, row, "key", keys)
        found[key] = (*found.get(key, ()), _known(files, row, "implies", keys))
    return found


def _drug_windows(files: TableFiles, keys: key_table.KeyTables, constants: Mapping[str, int]) -> dict[str, int]:
    found = {}
    for row in files.csv(f"{FOLDER}/drugs.csv", ("key", "window")):
        if row["window"] not in constants:
            files.problem(row.file, row.line, row["window"], "unknown constant", "use one of constants.csv")
        found[_known(files, row, "key", keys)] = constants.get(row["window"], 0)
    return found


def _lab_keys(files: TableFiles, keys: key_table.KeyTables, constants: Mapping[str, int]) -> tuple[LabKey, ...]:
    found = []
    for row in files.csv(f"{FOLDER}/lab_keys.csv", ("analyte", "flag", "key", "beyond")):
        if row["flag"] not in ("low", "high"):
            files.problem(row.file, row.line, row["flag"], "unknown flag", "use low or high")
        if row["beyond"] and row["beyond"] not in constants:
            files.problem(row.file, row.line, row["beyond"], "no such constant", "name one of constants.csv")
        limit = constants.get(row["beyond"]) if row["beyond"] else None
        found.append(LabKey(row["analyte"], row["flag"] == "low", _known(files, row, "key", keys), limit))
    return tuple(found)


def _rank(files: TableFiles) -> dict[str, dict[str, int]]:
    path = f"{FOLDER}/indicators.csv"
    allowed = {"indicator": tuple(Indicator), "tier": tuple(Tier)}
    found: dict[str, dict[str, int]] = {"indicator": {}, "tier": {}}
    for row in files.csv(path, ("kind", "value", "rank")):
        _member(files, "indicators.csv", row.line, row["value"], allowed.get(row["kind"], ()))
        if not row["rank"].isdecimal():
            files.problem(path, row.line, row["value"], "rank is not a whole number", "write digits")
            continue
        found.setdefault(row["kind"], {})[row["value"]] = int(row["rank"])
    return found
