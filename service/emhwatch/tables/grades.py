"""`mappings/decision/grades.csv` and `severe.csv`: the grounds of the blood grade (policy 4.1, 4.5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emhwatch.tables.chart import ANALYTES
from emhwatch.tables.source import Row, TableFiles
from emhwatch.types import Grade, Value

GRADES = "mappings/decision/grades.csv"
SEVERE = "mappings/decision/severe.csv"
#: Conditions that are computed from the laboratory values; `assess.blood` gives their truth.
COMPUTED = frozenset(
    [
        "anemic",
        "cause",
        "counted-low",
        "iron-deficiency",
        "marrow-signs-2",
        "recent-normal",
        "recent-usable-hb",
        "series-chronic",
        "series-pregnancy",
        "severe",
    ]
)
#: Roles of keys that the computed conditions ask for.
GROUND_COLUMNS = ("ground", "grade", "infants", "needs", "without", "words")
_VALUES = {
    "present": (Value.PRESENT,),
    "possible": (Value.POSSIBLE,),
    "hinted": (Value.PRESENT, Value.POSSIBLE),
}


@dataclass(frozen=True, slots=True)
class Atom:
    """`present:KEY`, or the name of a computed condition."""

    computed: str | None
    keys: tuple[str, ...] = ()  #: any one is enough
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class GroundRule:
    """One reason for a grade."""

    id: str
    grade: Grade
    infants: bool
    needs: tuple[Atom, ...]
    without: tuple[Atom, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Support:
    """What may stand beside a severe hemoglobin."""

    id: str
    analyte: str
    test: str  #: "below", "above", "high" or "" for imaging
    limit: float
    keys: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class GradeTables:
    """Grounds in order, and the keys that can change a grade."""

    grounds: tuple[GroundRule, ...]
    support: tuple[Support, ...]
    keys: frozenset[str]  #: keys whose value can change the grade (sole-ground rule of policy 6.1)


def parse_grades(
    files: TableFiles, roles: Mapping[str, Sequence[str]], known: Iterable[str], constants: Mapping[str, float]
) -> GradeTables:
    """Read both tables; problems go to `files`."""
    analytes = frozenset(row["analyte"] for row in files.csv(ANALYTES, ("analyte",)))
    names = _Names(files, roles, frozenset(known), analytes)
    grounds = tuple(names.ground(row) for row in files.csv(GRADES, GROUND_COLUMNS))
    support = tuple(
        _support(row, names, constants)
        for row in files.csv(SEVERE, ("support", "analyte", "test", "constant", "keys", "words"))
    )
    atoms = [atom for ground in grounds for atom in (*ground.needs, *ground.without)]
    keys = {key for atom in atoms for key in atom.keys} | {key for row in support for key in row.keys}
    keys |= {
        key for role in ("b3-cause", "iron-deficiency", "marrow-sign", "documented") for key in roles.get(role, ())
    }
    return GradeTables(grounds, support, frozenset(keys))


@dataclass(frozen=True, slots=True)
class _Names:
    files: TableFiles
    roles: Mapping[str, Sequence[str]]
    known: frozenset[str]
    analytes: frozenset[str]

    def ground(self, row: Row) -> GroundRule:
        """One row of `grades.csv`."""
        try:
            grade = Grade(row["grade"])
        except ValueError:
            self.files.problem(row.file, row.line, row["ground"], "unknown grade", f"use {' '.join(Grade)}")
            grade = Grade.UNKNOWN
        if row["infants"] not in ("yes", "no"):
            self.files.problem(row.file, row.line, row["infants"], "infants is neither yes nor no", "say yes or no")
        return GroundRule(
            id=row["ground"],
            grade=grade,
            infants=row["infants"] == "yes",
            needs=tuple(self.atom(row, word) for word in row.list("needs")),
            without=tuple(self.atom(row, word) for word in row.list("without")),
            words=row["words"],
        )

    def atom(self, row: Row, word: str) -> Atom:
        """`present:KEY`, `possible:@role` or a computed condition."""
        kind, colon, name = word.partition(":")
        if not colon:
            if word not in COMPUTED:
                self.files.problem(row.file, row.line, word, "unknown condition", f"use {' '.join(sorted(COMPUTED))}")
            return Atom(word)
        if kind not in _VALUES:
            self.files.problem(row.file, row.line, word, "unknown kind of value", f"use {' '.join(_VALUES)}")
        return Atom(None, self.keys(row, name), _VALUES.get(kind, ()))

    def keys(self, row: Row, name: str) -> tuple[str, ...]:
        """A key, or all keys with `@role`."""
        found = tuple(self.roles.get(name[1:], ())) if name.startswith("@") else (name,)
        if not found or not self.known.issuperset(found):
            self.files.problem(row.file, row.line, name, "unknown key or role", "use one of mappings/keys.csv")
        return found


def _support(row: Row, names: _Names, constants: Mapping[str, float]) -> Support:
    limit = constants.get(row["constant"], 0.0)
    if row["test"] not in ("", "above", "below", "high"):
        names.files.problem(row.file, row.line, row["support"], "unknown test", "use above, below or high")
    if row["test"] in ("above", "below") and row["constant"] not in constants:
        names.files.problem(row.file, row.line, row["constant"], "unknown constant", "use one of constants.csv")
    if row["test"] and row["analyte"] not in names.analytes:
        names.files.problem(row.file, row.line, row["analyte"], "unknown analyte", f"use one of {ANALYTES}")
    keys = tuple(key for name in row.list("keys") for key in names.keys(row, name))
    return Support(row["support"], row["analyte"], row["test"], limit, keys, row["words"])
