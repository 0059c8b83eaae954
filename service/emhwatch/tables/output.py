"""`mappings/output/`: codes, systems, panels and words of what is written back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emhwatch.tables.keys import GROUPS, LEVELS
from emhwatch.tables.source import TableFiles

FOLDER = "mappings/output/"
_SECTIONS = ("device", "narrative", "provenance", "alert")


@dataclass(frozen=True, slots=True)
class System:
    """A code system or identifier system."""

    id: str
    url: str
    own: bool  #: ours: published with the version of the table set
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class OutputCode:
    """One code of what is written."""

    system: System
    code: str
    display: str
    definition: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One criterion Observation: the keys of these groups are its components."""

    name: str
    groups: frozenset[str]
    of_mass: bool
    category: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the assessment, and when it stands there."""

    grade: str
    key: str
    note: str


@dataclass(frozen=True, slots=True)
class OutputTables:
    """Everything under `mappings/output/`."""

    systems: Mapping[str, System]
    codes: Mapping[tuple[str, str], OutputCode]
    panels: tuple[Panel, ...]
    notes: tuple[Note, ...]
    words: Mapping[str, Mapping[str, str]]

    def code(self, group: str, name: str) -> OutputCode:
        """One code; `KeyError` when the tables do not hold it."""
        return self.codes[group, name]

    def url(self, system: str) -> str:
        """URL of a system by its id."""
        return self.systems[system].url


def parse(files: TableFiles) -> OutputTables:
    """Read and check the tables; problems go to `files`."""
    systems = _systems(files)
    return OutputTables(systems, _codes(files, systems), _panels(files), _notes(files), _words(files))


def _systems(files: TableFiles) -> dict[str, System]:
    path = FOLDER + "systems.csv"
    systems: dict[str, System] = {}
    for row in files.csv(path, ("id", "url", "own", "name", "title")):
        if row["own"] not in ("yes", "no"):
            files.problem(path, row.line, row["id"], "own is neither yes nor no", "write yes or no")
        if not row["url"].startswith(("http://", "https://", "urn:")):
            files.problem(path, row.line, row["id"], "not an absolute URL", "write the canonical URL")
        if row["own"] == "yes" and not (row["name"] and row["title"]):
            files.problem(path, row.line, row["id"], "an own system without name or title", "fill both")
        systems[row["id"]] = System(row["id"], row["url"], row["own"] == "yes", row["name"], row["title"])
    return systems


def _codes(files: TableFiles, systems: Mapping[str, System]) -> dict[tuple[str, str], OutputCode]:
    path = FOLDER + "codes.csv"
    codes: dict[tuple[str, str], OutputCode] = {}
    for row in files.csv(path, ("set", "name", "system", "code", "display", "definition")):
        place = (row["set"], row["name"])
        if place in codes:
            files.problem(path, row.line, "/".join(place), "stands here twice", "remove one of the rows")
        if row["system"] not in systems:
            files.problem(path, row.line, "/".join(place), "unknown system", "use an id of systems.csv")
            continue
        codes[place] = OutputCode(systems[row["system"]], row["code"], row["display"], row["definition"])
    return codes


def _panels(files: TableFiles) -> tuple[Panel, ...]:
    path = FOLDER + "criteria.csv"
    panels = []
    for row in files.csv(path, ("panel", "groups", "level", "category")):
        groups = frozenset(row.list("groups"))
        if not groups or not groups <= GROUPS:
            files.problem(path, row.line, row["panel"], "unknown group", "use groups of mappings/keys.csv")
        if row["level"] not in LEVELS:
            files.problem(path, row.line, row["panel"], "unknown level", "use patient or mass")
        panels.append(Panel(row["panel"], groups, row["level"] == "mass", row["category"]))
    return tuple(panels)


def _notes(files: TableFiles) -> tuple[Note, ...]:
    rows = files.csv(FOLDER + "notes.csv", ("grade", "key", "note"), may_be_empty=True)
    return tuple(Note(row["grade"], row["key"], row["note"]) for row in rows)


def _words(files: TableFiles) -> dict[str, dict[str, str]]:
    path = FOLDER + "words.toml"
    loaded: dict[str, Any] = files.toml(path)
    for section in _SECTIONS:
        if loaded and not isinstance(loaded.get(section), dict):
            files.problem(path, 0, section, "section missing", "restore it")
    return {name: {k: str(v) for k, v in loaded.get(name, {}).items()} for name in _SECTIONS}
