"""Table files to one frozen `TableSet`; all problems of what is loaded are collected and raised together."""

from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from emhwatch.errors import TableError
from emhwatch.tables.locate import table_files
from emhwatch.tables.source import TableFiles

if TYPE_CHECKING:
    from emhwatch.tables.cards import CardTables
    from emhwatch.tables.chart import ChartTables
    from emhwatch.tables.clients import ClientTables
    from emhwatch.tables.codes import CodeTables
    from emhwatch.tables.decision import DecisionTables
    from emhwatch.tables.keys import KeyTables
    from emhwatch.tables.output import OutputTables
    from emhwatch.tables.text import TextTables

#: Domains of the table set; each is a module of this package with `parse(files: TableFiles)`.
DOMAINS = ("keys", "codes", "text", "chart", "decision", "cards", "clients", "output")


class TableSet:
    """Everything that was authored, indexed for use; read-only. Domains are parsed once, when first needed."""

    def __init__(self, files: TableFiles) -> None:
        release = files.toml("terminology/release.toml")
        self._files = files
        self.version: str = str(release.get("version", ""))
        self.digest: str = files.digest()
        self.origin: str = files.origin
        self._stop_on_problems()

    def _stop_on_problems(self) -> None:
        if self._files.problems:
            raise TableError(sorted(self._files.problems))

    def _domain(self, name: str) -> Any:  # noqa: ANN401 - the type is the property's
        parsed = import_module(f"emhwatch.tables.{name}").parse(self._files)
        self._stop_on_problems()
        return parsed

    @cached_property
    def keys(self) -> "KeyTables":
        """`mappings/keys.csv`: the keys of policy 17."""
        return self._domain("keys")

    @cached_property
    def codes(self) -> "CodeTables":
        """`terminology/codes/` with `mappings/concepts.csv`: what a code means."""
        return self._domain("codes")

    @cached_property
    def text(self) -> "TextTables":
        """`terminology/lexicon/` and `mappings/text/`: how reports are read."""
        return self._domain("text")

    @cached_property
    def chart(self) -> "ChartTables":
        """`mappings/chart/` and `terminology/units.csv`: how resources become chart entries."""
        return self._domain("chart")

    @cached_property
    def decision(self) -> "DecisionTables":
        """`mappings/decision/`: limits, grades, weights, tiers, rows, gates."""
        return self._domain("decision")

    @cached_property
    def cards(self) -> "CardTables":
        """`mappings/cards/`: what is said."""
        return self._domain("cards")

    @cached_property
    def clients(self) -> "ClientTables":
        """`mappings/clients/`: what each CDS client takes."""
        return self._domain("clients")

    @cached_property
    def output(self) -> "OutputTables":
        """`mappings/output/`: codes of what is written."""
        return self._domain("output")


@lru_cache(maxsize=4)
def load_tables(folder: str | None = None, overlay: str | None = None, domains: tuple[str, ...] = ()) -> TableSet:
    """Load the tables; `domains` are parsed now, the rest when first used.

    Raises:
        TableError: with every problem found.
    """
    tables = TableSet(table_files(folder))
    for domain in domains:
        getattr(tables, domain)
    return tables
