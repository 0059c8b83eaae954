"""`mappings/evidence.csv`: why a key counts, with what it cites of `mappings/policy/evidence.md`."""

from collections.abc import Collection
from dataclasses import dataclass

from emhwatch.tables.source import TableFiles

PATH = "mappings/evidence.csv"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why one key counts."""

    cites: tuple[str, ...]  #: numbers of the literature (L) and of the contradictions (K)
    why: str


def parse(files: TableFiles, keys: Collection[str]) -> dict[str, Evidence]:
    """Evidence by key; problems go to `files`."""
    found: dict[str, Evidence] = {}
    for row in files.csv(PATH, ("key", "cites", "why")):
        if row["key"] not in keys or row["key"] in found:
            files.problem(
                PATH, row.line, row["key"], "unknown key, or a key twice", "use one of mappings/keys.csv once"
            )
        if not row["why"]:
            files.problem(PATH, row.line, row["key"], "no reason", "say why the key counts")
        found[row["key"]] = Evidence(row.list("cites"), row["why"])
    return found
