"""Facts of an assessment as components with their evidence: where it stands, and its words if the site wants them."""

from collections.abc import Iterable, Sequence

from emhwatch.model.assessment import Fact
from emhwatch.publish.coding import Coder
from emhwatch.publish.identity import split_reference
from emhwatch.publish.narrative import plain
from emhwatch.publish.options import Quotes
from emhwatch.tables.keys import Key
from emhwatch.types import Resource, Value

#: Types that Observation.derivedFrom may point to in R4.
DERIVED_FROM = frozenset(
    {"DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "Observation", "MolecularSequence"}
)
#: Types that `basedOn`, `partOf` and `encounter` may point to in R4 and a report or study can name.
BASED_ON = frozenset({"CarePlan", "MedicationRequest", "NutritionOrder", "ServiceRequest"})
PART_OF = frozenset({"ImagingStudy"})
ENCOUNTER = frozenset({"Encounter"})
_ORDER = (Value.PRESENT, Value.POSSIBLE, Value.ABSENT)  # the stronger statement wins (policy 2.6)
_MOST = 5  #: statements of one key that are named


def statements(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """What is stated, by key, the deciding statement first."""
    found: dict[str, list[Fact]] = {}
    for value in _ORDER:
        for fact in facts:
            if fact.value is value:
                found.setdefault(fact.key, []).append(fact)
    return found


def component(coder: Coder, key: Key, facts: Sequence[Fact], quotes: Quotes) -> Resource:
    """The component of one key."""
    value = facts[0].value if facts else Value.UNKNOWN
    result: Resource = {}
    evidence = [_extension(coder, fact, quotes) for fact in facts[:_MOST] if fact.value is value]
    if evidence:
        result["extension"] = evidence
    result["code"] = {"coding": [coder.own("criteria", key.key, key.label)], "text": key.label}
    return {**result, **coder.value(value), **coder.interpretation(value)}


def derived_from(references: Iterable[str], sources: Sequence[str]) -> list[Resource]:
    """The references that R4 allows in `derivedFrom`, each once; only resources that were really used."""
    used = {found[0] for source in sources if (found := split_reference(source))}
    kept: dict[str, None] = {}
    for reference in references:
        found = split_reference(reference)
        if found and found[0].partition("/")[0] in DERIVED_FROM and found[0] in used:
            kept[found[0]] = None
    return [{"reference": reference} for reference in kept]


def references(named: Iterable[str | None], types: frozenset[str]) -> list[Resource]:
    """References of this server to resources of these types, without version; anything else named is left out."""
    found = (split_reference(name) for name in named)
    return [{"reference": f[0]} for f in found if f and f[0].partition("/")[0] in types]


def quoted(coder: Coder, facts: Iterable[Fact], quotes: Quotes) -> list[str]:
    """Lines that a person reads: the words with their place, or the place alone."""
    words = coder.output.words["narrative"]
    lines: dict[str, None] = {}
    for fact in facts:
        if quotes is Quotes.OFF or fact.reference is None:
            continue
        if fact.start is None:
            place = words["place_coded"].format(reference=fact.reference)
        else:
            place = words["place"].format(
                reference=fact.reference,
                version=fact.version or words["unknown"],
                section=fact.section or words["unknown"],
                start=fact.start,
                end=fact.end,
            )
        if quotes is Quotes.SNIPPET and fact.text:
            lines[words["quote"].format(quote=plain(fact.text), place=place)] = None
        elif fact.start is not None:
            lines[place] = None
    return list(lines)


def _extension(coder: Coder, fact: Fact, quotes: Quotes) -> Resource:
    parts: list[Resource] = []
    if found := split_reference(fact.reference):
        uri = found[0] + (f"/_history/{version}" if (version := fact.version or found[1]) else "")
        # A uri, not a Reference: HAPI strips the version from stored references.
        parts.append({"url": "source", "valueUri": uri})
    if fact.code is not None:
        coding = {"system": fact.code.system, "code": fact.code.code, "display": fact.code.display}
        parts.append({"url": "code", "valueCoding": {k: v for k, v in coding.items() if v}})
    if quotes is not Quotes.OFF:
        if fact.section:
            parts.append({"url": "section", "valueString": fact.section})
        if fact.start is not None and fact.end is not None:
            parts.append({"url": "start", "valueInteger": fact.start})
            parts.append({"url": "end", "valueInteger": fact.end})
        if fact.text and quotes is Quotes.SNIPPET:
            parts.append({"url": "quote", "valueString": plain(fact.text)})
    # An extension must say something: the kind of source always can.
    parts.append({"url": "kind", "valueString": fact.source.value})
    return {"url": coder.output.url("evidence"), "extension": parts}
