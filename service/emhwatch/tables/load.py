"""Table files to one frozen `TableSet`; all problems of what is loaded are collected and raised together."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeVar

from emhwatch.errors import TableError
from emhwatch.tables.locate import table_files
from emhwatch.tables.source import TableFiles

if TYPE_CHECKING:
    from emhwatch.tables.cardparts import CardTables
    from emhwatch.tables.chart import ChartTables
    from emhwatch.tables.clients import ClientTables
    from emhwatch.tables.codes import CodeTables
    from emhwatch.tables.decision import DecisionTables
    from emhwatch.tables.keys import KeyTables
    from emhwatch.tables.output import OutputTables
    from emhwatch.tables.text import TextTables

T = TypeVar("T")

RELEASE = "terminology/release.toml"
#: Domains of the table set; each is a module of this package with `parse(files: TableFiles)`.
DOMAINS = ("keys", "codes", "text", "chart", "decision", "cards", "clients", "output")


class TableSet:
    """Everything that was authored, indexed for use; read-only. Domains are imported and parsed when first needed."""

    def __init__(self, files: TableFiles) -> None:
        release = files.toml(RELEASE)
        files.check_overlay()
        self._files = files
        self.digest: str = files.digest()
        self.version: str = str(release.get("version", ""))
        self.origin: str = files.origin
        if files.site:
            # Build metadata as in semantic versions: an overlay shows on every result.
            self.version += f"+{release.get('site', 'site')}"
            self.origin += " with site overlay"
        self._stop_on_problems()

    def _stop_on_problems(self) -> None:
        if self._files.problems:
            raise TableError(self._files.told())

    def _parsed(self, parse: Callable[[TableFiles], T]) -> T:
        try:
            parsed = parse(self._files)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            self._stop_on_problems()  # a table is wrong: its problems say more than the exception
            raise
        self._stop_on_problems()
        return parsed

    @cached_property
    def keys(self) -> "KeyTables":
        """`mappings/keys.csv`: the keys of policy 17."""
        from emhwatch.tables.keys import parse

        return self._parsed(parse)

    @cached_property
    def codes(self) -> "CodeTables":
        """`terminology/codes/` with `mappings/concepts.csv`: what a code means."""
        from emhwatch.tables.codes import parse

        return self._parsed(parse)

    @cached_property
    def text(self) -> "TextTables":
        """`terminology/lexicon/` and `mappings/text/`: how reports are read."""
        from emhwatch.tables.text import parse

        return self._parsed(parse)

    @cached_property
    def chart(self) -> "ChartTables":
        """`mappings/chart/` and `terminology/units.csv`: how resources become chart entries."""
        from emhwatch.tables.chart import parse

        return self._parsed(parse)

    @cached_property
    def decision(self) -> "DecisionTables":
        """`mappings/decision/`: limits, grades, weights, tiers, rows, gates."""
        from emhwatch.tables.decision import parse

        return self._parsed(parse)

    @cached_property
    def cards(self) -> "CardTables":
        """`mappings/cards/`: what is said."""
        from emhwatch.tables.cards import parse

        return self._parsed(parse)

    @cached_property
    def clients(self) -> "ClientTables":
        """`mappings/clients/`: what each CDS client takes."""
        from emhwatch.tables.clients import parse

        return self._parsed(parse)

    @cached_property
    def output(self) -> "OutputTables":
        """`mappings/output/`: codes of what is written."""
        from emhwatch.tables.output import parse

        return self._parsed(parse)


@lru_cache(maxsize=4)
def load_tables(folder: str | None = None, overlay: str | None = None, domains: tuple[str, ...] = ()) -> TableSet:
    """Load the tables; `domains` are parsed now, the rest when first used.

    Raises:
        TableError: with every problem found.
    """
    tables = TableSet(table_files(folder, overlay))
    for domain in domains:
        getattr(tables, domain)
    return tables
