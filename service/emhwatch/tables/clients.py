"""`mappings/clients/`: hooks, prefetch templates and what each kind of CDS client takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from emhwatch.tables import codes as code_tables
from emhwatch.tables.source import TableFiles

FOLDER = "mappings/clients"
PROFILES = f"{FOLDER}/profiles"
DEFAULT = "default"
NEEDS = ("identity", "decision")
ORDERS = ("", "draftOrders", "dispatchedOrders", "appointments")
_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_CODES = re.compile(r"\{loinc:([^{}]*)\}")
#: Tokens of CDS Hooks 2.0: primitive fields of the root of the context.
_ROOT_TOKENS = frozenset(("context.patientId", "context.userId", "context.encounterId"))
_HOOK = ("hook", "version", "id", "title", "orders", "selected", "required", "description")


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook that the service answers."""

    hook: str
    version: str
    id: str  #: id of the service that answers it
    title: str
    orders: str  #: element of the context that holds the orders, or ""
    selected: bool  #: only the orders named in `selections` count
    required: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Prefetch:
    """One template."""

    key: str
    need: str  #: "identity" or "decision"
    gap: str  #: code for missing data
    query: str

    @property
    def resource_type(self) -> str:
        """Type that the query asks for."""
        return re.split(r"[/?]", self.query, maxsplit=1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one kind of client differs from the specification."""

    hooks: tuple[str, ...]
    algorithms: tuple[str, ...]
    order_types: tuple[str, ...]
    selection_behavior: str
    one_action: bool
    detail: str
    plain_topic: bool
    link_hosts: tuple[str, ...]
    smart_links: bool
    source_url: bool
    repeats: str


@dataclass(frozen=True, slots=True)
class ClientTables:
    """Hooks, templates, profiles."""

    hooks: Mapping[str, Hook]
    prefetch: tuple[Prefetch, ...]
    profiles: Mapping[str, Profile]
    usage: str
    spec_version: str


def parse(files: TableFiles) -> ClientTables:
    """Read and check the tables; problems go to `files`."""
    hooks = _hooks(files)
    usage = files.toml(f"{FOLDER}/usage.toml")
    return ClientTables(
        hooks=hooks,
        prefetch=_prefetch(files),
        profiles=_profiles(files, frozenset(hooks)),
        usage=str(usage.get("text", "")),
        spec_version=str(usage.get("spec_version", "")),
    )


def _hooks(files: TableFiles) -> dict[str, Hook]:
    path, found = f"{FOLDER}/hooks.csv", {}
    for row in files.csv(path, _HOOK):
        if row["orders"] not in ORDERS:
            files.problem(path, row.line, row["hook"], "unknown element of the context", f"use {' '.join(ORDERS[1:])}")
        found[row["hook"]] = Hook(
            row["hook"],
            row["version"],
            row["id"],
            row["title"],
            row["orders"],
            row["selected"] == "yes",
            row.list("required"),
            row["description"],
        )
    return found


def _prefetch(files: TableFiles) -> tuple[Prefetch, ...]:
    path = f"{FOLDER}/prefetch.csv"
    by_analyte: dict[str, list[str]] = {}
    for entry in code_tables.parse(files).entries():
        if entry.role is code_tables.Role.LAB and entry.system == "loinc" and entry.value:
            by_analyte.setdefault(entry.value, []).append(entry.code)
    found = []
    for row in files.csv(path, ("key", "need", "gap", "query")):
        if row["need"] not in NEEDS:
            files.problem(path, row.line, row["key"], "unknown need", f"use {' '.join(NEEDS)}")
        for token in _TOKEN.findall(row["query"]):
            if token not in _ROOT_TOKENS:
                files.problem(path, row.line, row["key"], f"token {token}", "use a primitive field of the context")
        query = _CODES.sub(lambda match: _code_list(match[1].split(), by_analyte), row["query"])
        found.append(Prefetch(row["key"], row["need"], row["gap"], query))
    return tuple(found)


def _code_list(analytes: list[str], by_analyte: Mapping[str, list[str]]) -> str:
    return ",".join(sorted({code for analyte in analytes for code in by_analyte.get(analyte, ())}))


def _profiles(files: TableFiles, hooks: frozenset[str]) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    base = files.toml(f"{PROFILES}/{DEFAULT}.toml")
    for path in files.under(f"{PROFILES}/", ".toml"):
        entry = {**base, **files.toml(path)}
        known = {item.name for item in fields(Profile)}
        for name in sorted(set(entry) ^ known):
            files.problem(path, 0, name, "unknown or missing", "use the names of default.toml")
        if set(entry) != known:
            continue
        for hook in set(entry["hooks"]) - hooks:
            files.problem(path, 0, hook, "unknown hook", "use a hook of hooks.csv")
        found[path.removeprefix(f"{PROFILES}/").removesuffix(".toml")] = _profile(entry)
    return found


def _profile(entry: Mapping[str, Any]) -> Profile:
    values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in entry.items()}
    return Profile(**values)
