"""`mappings/keys.csv`: the keys of the policy (section 17) with group, level, roles and words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from emhwatch.tables.source import Row, TableFiles

PATH = "mappings/keys.csv"
COLUMNS = ("key", "group", "level", "roles", "label_en", "definition")
GROUPS = frozenset(("A", "B1", "B2", "B3", "B?", "Bx", "C", "D", "E", "G", "H", "N", "R", "X"))
#: Roles that the program asks for by name and that exactly one key has.
SINGLE = (
    *("mass", "collection", "names-emh", "histology-emh", "histology-other", "colloid", "iron-signal", "t2-low"),
    *("bilateral", "unilateral", "multiple", "thoracic", "lumbar", "low-thoracic", "whole-spine", "older-label"),
    *("stable", "grown", "late", "other-site"),
    *("size", "transfused", "spleen", "splenectomy", "long-standing", "cancer-active", "cancer-history"),
    *("iron-deficiency", "low-hb", "imaging-anemia", "age", "age-child", "age-old", "sex"),
)
LEVELS = frozenset(("patient", "mass"))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the policy."""

    key: str
    groups: tuple[str, ...]  #: groups of policy 17; "N" is a general statement and never a finding
    level: str  #: "patient" or "mass"
    roles: frozenset[str]  #: sets of the policy that the key belongs to, for example "marrow-sign"
    label: str  #: words for cards
    definition: str

    @property
    def of_mass(self) -> bool:
        """Whether the value belongs to one mass."""
        return self.level == "mass"

    @property
    def general(self) -> bool:
        """Whether the key names a general statement, never a patient finding."""
        return "N" in self.groups


@dataclass(frozen=True, slots=True)
class KeyTables:
    """All keys by name."""

    by_key: Mapping[str, Key]
    by_role: Mapping[str, tuple[str, ...]]
    _of_groups: dict[frozenset[str], tuple[Key, ...]] = field(default_factory=dict, repr=False, compare=False)

    def of_groups(self, groups: frozenset[str]) -> tuple[Key, ...]:
        """The findings of these groups, in table order."""
        if groups not in self._of_groups:
            found = (key for key in self.by_key.values() if groups & set(key.groups) and not key.general)
            self._of_groups[groups] = tuple(found)
        return self._of_groups[groups]

    def role(self, name: str) -> tuple[str, ...]:
        """Keys with this role, in table order; empty for an unknown role."""
        return self.by_role.get(name, ())

    def one(self, name: str) -> str:
        """The key with a role that one key has."""
        return self.by_role[name][0]

    def has(self, key: str, role: str) -> bool:
        """Whether the key has the role."""
        return key in self.by_key and role in self.by_key[key].roles

    def label(self, key: str) -> str:
        """Words for a key; the key itself when it is not in the table."""
        return self.by_key[key].label if key in self.by_key else key


def parse(files: TableFiles) -> KeyTables:
    """Read and check the table; problems go to `files`."""
    by_key: dict[str, Key] = {}
    by_role: dict[str, list[str]] = {}
    for row in files.csv(PATH, COLUMNS):
        key = _key(row, files)
        if key.key in by_key:
            files.problem(PATH, row.line, key.key, "the key stands here twice", "remove one of the rows")
        by_key[key.key] = key
        for role in row.list("roles"):
            by_role.setdefault(role, []).append(key.key)
    for role in SINGLE:
        if len(by_role.get(role, ())) != 1:
            files.problem(PATH, 0, role, "not exactly one key has this role", "give it to one key")
    return KeyTables(by_key, {role: tuple(keys) for role, keys in by_role.items()})


def _key(row: Row, files: TableFiles) -> Key:
    groups = row.list("group")
    if not groups or not GROUPS.issuperset(groups):
        files.problem(PATH, row.line, row["key"], "unknown group", f"use one of {' '.join(sorted(GROUPS))}")
    if row["level"] not in LEVELS:
        files.problem(PATH, row.line, row["key"], "unknown level", "use patient or mass")
    if not row["label_en"].strip():
        files.problem(PATH, row.line, row["key"], "no words for cards", "fill label_en")
    roles = frozenset(row.list("roles"))
    return Key(row["key"], groups, row["level"], roles, row["label_en"], row["definition"])
