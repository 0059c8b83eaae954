"""What the terms of one phrase trigger: worked out once for each set of terms, then looked up."""

from dataclasses import dataclass

from emhwatch.tables.readings import FindingRule, ReadingRules, Site


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the rules know of the terms of one phrase."""

    roles: frozenset[str]  #: names in the engine that one of the terms answers to
    rules: tuple[FindingRule, ...]  #: of which a term is the anchor
    site: Site | None
    structure: str | None  #: the term that may be called normal
    tells: bool  #: a sentence without such a phrase states nothing


#: Roles that begin a statement; the others only say more about one.
TELLING = frozenset(
    ("pointer", "natures", "biopsy", "histology_result", "tissue_diagnoses", "spleen_length", "liver_value")
)


class Meanings(dict[tuple[str, ...], Meaning]):
    """Terms to their meaning."""

    def __init__(self, rules: ReadingRules) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, terms: tuple[str, ...]) -> Meaning:
        rules = self._rules
        roles = frozenset(name for name, found in rules.terms.items() if not found.isdisjoint(terms))
        anchored = tuple(rule for term in terms for rule in rules.by_anchor.get(term, ()))
        site = next((rules.sites[term] for term in terms if term in rules.sites), None)
        structure = next((term for term in rules.structures if term in terms), None)
        named = any(term in rules.nouns or term in rules.analytes for term in terms)
        tells = bool(anchored or structure or named or roles & TELLING)
        made = self[terms] = Meaning(roles, anchored, site, structure, tells)
        return made
