"""CodeableConcepts as known codes, signs and words. All codings count, not only the first (translations)."""

from collections.abc import Iterable
from dataclasses import dataclass

from emhwatch.chart.model import CodeHit
from emhwatch.chart.scope import Scope
from emhwatch.model.assessment import Coding
from emhwatch.model.shape import objects, text
from emhwatch.tables.signs import SignTable, plain
from emhwatch.types import Resource, Side


@dataclass(frozen=True, slots=True)
class Coded:
    """What one or several CodeableConcepts (or Codings) say."""

    hits: tuple[CodeHit, ...] = ()
    codings: tuple[tuple[str, str], ...] = ()  #: (system key, code)
    texts: tuple[str, ...] = ()  #: text and displays, each once
    unknown: tuple[str, ...] = ()  #: text, and displays of codings that the tables do not know

    @property
    def words(self) -> str:
        """All words as `plain` gives them."""
        return plain(" | ".join(self.texts)) if self.texts else ""

    @property
    def title(self) -> str | None:
        """The first words."""
        return self.texts[0] if self.texts else None

    def meanings(self) -> Iterable[str]:
        """Concept, role and "role/value" of every hit."""
        for hit in self.hits:
            yield hit.concept
            yield hit.role
            if hit.value:
                yield f"{hit.role}/{hit.value}"

    def names(self, signs: SignTable) -> set[str]:
        """Names of a sign table by code only."""
        return signs.by_meaning(self.meanings()) | signs.by_code(self.codings)

    def all_names(self, signs: SignTable, *, longest: bool = False) -> set[str]:
        """Names of a sign table by code and by words."""
        return self.names(signs) | signs.by_words(self.words, longest=longest)


def coded(scope: Scope, nodes: Iterable[Resource]) -> Coded:
    """Read CodeableConcepts; a Coding in place of one counts as one with that coding."""
    hits: dict[tuple[str, str, str], CodeHit] = {}
    codings: dict[tuple[str, str], None] = {}
    texts: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for node in nodes:
        words = text(node, "text")
        if words:
            texts[words] = unknown[words] = None
        for coding in objects(node, "coding") or ([node] if text(node, "code") or text(node, "system") else []):
            system, code, display = text(coding, "system"), text(coding, "code"), text(coding, "display")
            if display:
                texts[display] = None
            known = _hits(scope, system, code, display)
            if display and not known:
                unknown[display] = None
            if code:
                codings[_system(scope, system), code] = None
            for hit in known:
                hits.setdefault((hit.concept, hit.coding.system, hit.coding.code), hit)
    return Coded(tuple(hits.values()), tuple(codings), tuple(texts), tuple(unknown))


def side(scope: Scope, *found: Coded) -> Side | None:
    """Side that codes or words name; both left and right are bilateral."""
    names = set().union(*(item.all_names(scope.chart.sides) for item in found))
    if "bilateral" in names or {"left", "right"} <= names:
        return Side.BILATERAL
    return Side.LEFT if "left" in names else Side.RIGHT if "right" in names else None


def sites(scope: Scope, *found: Coded) -> tuple[str, ...]:
    """Sites that codes and words name, see `mappings/chart/sites.csv`."""
    signs = scope.chart.sites
    return signs.ordered(set().union(*(item.all_names(signs, longest=True) for item in found)))


def _system(scope: Scope, system: str | None) -> str:
    known = scope.tables.codes.systems.find(system)
    return known.key if known else (system or "").lower()


def _hits(scope: Scope, system: str | None, code: str | None, display: str | None) -> tuple[CodeHit, ...]:
    known = scope.hits.get((system, code, display))
    if known is None:
        known = scope.hits[system, code, display] = _looked_up(scope, system, code, display)
    return known


def _looked_up(scope: Scope, system: str | None, code: str | None, display: str | None) -> tuple[CodeHit, ...]:
    return tuple(
        CodeHit(
            entry.concept,
            entry.keys,
            str(entry.role),
            Coding(system or "", code or "", display or entry.display),
            entry.value,
            entry.rival,
        )
        for entry in scope.tables.codes.find(system, code)
    )
