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


class Meanings(dict[tuple[str, ...], Meaning]):
    """Terms to their meaning."""

    def __init__(self, rules: ReadingRules) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, terms: tuple[str, ...]) -> Meaning:
        rules = self._rules
        made = self[terms] = Meaning(
            frozenset(name for name, found in rules.terms.items() if not found.isdisjoint(terms)),
            tuple(rule for term in terms for rule in rules.by_anchor.get(term, ())),
            next((rules.sites[term] for term in terms if term in rules.sites), None),
            next((term for term in terms if term in rules.structures), None),
        )
        return made
