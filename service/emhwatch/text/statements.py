"""From the words of a sentence to statements about keys, by the rules of `mappings/text/findings.csv`."""

from dataclasses import dataclass

from emhwatch.model.reading import MEASURED
from emhwatch.tables.readings import FindingRule, ReadingRules
from emhwatch.text.anatomy import size_in
from emhwatch.text.assertion import Assertion
from emhwatch.text.scene import Hit, Scene, is_fact, value_of
from emhwatch.types import Certainty, Experiencer, Section, Temporality, Value

_CONSIDERED = frozenset(("planned", "hedged"))
_WITHIN = (
    ("negated", Certainty.NEGATED),
    ("normal", Certainty.NEGATED),
    ("hedged", Certainty.HEDGED),
    ("leading", Certainty.HEDGED),
)
_REQUEST_KINDS = frozenset(("finding", "disease", "tumor"))
_ASKED_IN = frozenset((Section.FINDINGS, Section.IMPRESSION, Section.RECOMMENDATION, Section.ADDENDUM))


@dataclass(slots=True, eq=False)
class Statement:
    """One statement about one key, not yet attributed to a mass."""

    scene: Scene
    start: int
    end: int
    key: str
    value: Value
    assertion: Assertion
    kind: str
    rule: str
    hit: Hit
    mass: int | None = None
    pooled: bool = False
    rank: str | None = None
    regions: tuple[str, ...] = ()
    size: float | None = None
    drop: bool = False


def statements_in(scene: Scene, rules: ReadingRules) -> list[Statement]:
    """All statements of a sentence."""
    found: list[Statement] = []
    for hit in scene.hits:
        for rule in hit.meaning.rules:
            partners = _partners(scene, hit, rule)
            if partners is not None:
                found.extend(_apply(scene, hit, rule, partners, rules))
    if not scene.terms.isdisjoint(rules.structures) and any(cue.row.effect == "normal" for cue in scene.cues):
        found.extend(_normal(scene, rules))
    return found


def _partners(scene: Scene, hit: Hit, rule: FindingRule) -> list[Hit] | None:
    """The hits that the rule needs beside its anchor; None when one is missing or something forbids the rule."""
    if not rule.avoid.isdisjoint(scene.terms):
        for other in scene.of(rule.avoid):
            if other is not hit and other.gap(hit) <= rule.near:
                return None
        if not rule.avoid.isdisjoint(hit.terms):
            return None
    if rule.told and rule.told.isdisjoint(scene.told):
        return None
    partners = []
    for group in rule.need:
        if not group.isdisjoint(hit.terms) and len(hit.terms) > 1:
            continue
        partner = scene.nearest(hit, group)
        if partner is None or partner.gap(hit) > rule.near:
            return None
        partners.append(partner)
    return partners


def _apply(scene: Scene, hit: Hit, rule: FindingRule, partners: list[Hit], rules: ReadingRules) -> list[Statement]:
    section = scene.section
    if section is Section.OTHER or (section is Section.TECHNIQUE and rule.kind != "disease"):
        return []
    if section is Section.REQUEST and (rule.kind not in _REQUEST_KINDS or rule.of_mass):
        return []
    assertion = _judged(scene, hit)
    if rule.kind == "diagnosis" and assertion.effects >= _CONSIDERED:  # "could be considered": no plan, a thought
        assertion = assertion._replace(effects=assertion.effects - {"planned"}, temporality=Temporality.CURRENT)
    value = value_of(assertion)
    if not is_fact(assertion):
        asked = "question" in assertion.effects and section in _ASKED_IN and rule.key in rules.danger
        if not asked or "general" in assertion.effects:
            return []
        answered = value is Value.ABSENT and assertion.cue is not None and assertion.cue.start >= hit.end
        value = value if answered else Value.POSSIBLE  # "to look for cord compression: none"
    if value is Value.PRESENT and rule.most is Value.POSSIBLE:
        value = Value.POSSIBLE
    start, end = hit.start, hit.end
    for partner in partners:
        start, end = min(start, partner.start), max(end, partner.end)
    if end - start > 24:
        start, end = hit.start, hit.end
    made = []
    if rule.kind != "twin":
        made.append(Statement(scene, start, end, rule.key, value, assertion, rule.kind, rule.id, hit))
    if rule.denied and value is Value.ABSENT and assertion.experiencer is Experiencer.PATIENT:
        made.append(Statement(scene, start, end, rule.denied, Value.PRESENT, assertion, "context", rule.id, hit))
    elif rule.kind == "twin" and rule.denied and value is Value.ABSENT:
        made.append(Statement(scene, start, end, rule.denied, Value.PRESENT, assertion, "finding", rule.id, hit))
    return made


def _judged(scene: Scene, hit: Hit) -> Assertion:
    """The words around a hit, or else within the gap of its phrase ("spleen is not enlarged")."""
    assertion = scene.judge(hit.start, hit.end)
    if assertion.certainty is not Certainty.AFFIRMED or not scene.roles["own_negation"].isdisjoint(hit.terms):
        return assertion
    for effect, certainty in _WITHIN:
        for cue in scene.cues:
            last = hit.end if effect == "normal" else hit.end - 1  # "is not enlarged" is "normal" in three words
            if cue.row.effect == effect and hit.start < cue.start and cue.end <= last:
                effects = assertion.effects | {effect}
                return assertion._replace(certainty=certainty, cue=assertion.cue or cue, effects=effects)
    return assertion


def _normal(scene: Scene, rules: ReadingRules) -> list[Statement]:
    """Denials by a structure that is called normal (policy 2.2)."""
    made: list[Statement] = []
    seen: set[str] = set()
    normals = [cue for cue in scene.cues if cue.row.effect == "normal"]
    for hit in scene.hits:
        term = hit.meaning.structure
        if term is None or scene.section in (Section.OTHER, Section.TECHNIQUE) or _of_a_noun(scene, hit, rules):
            continue
        for cue in normals:
            if not scene.linked(hit, cue):
                continue
            assertion = scene.judge(cue.start, cue.end)
            if assertion.cue is not None and "negated" in assertion.effects:
                continue
            if not is_fact(assertion) or assertion.experiencer is Experiencer.OTHER:
                continue
            start, end = min(hit.start, cue.start), max(hit.end, cue.end)
            for key, value in rules.structures[term]:
                if key not in seen:
                    seen.add(key)
                    past = assertion.temporality is Temporality.HISTORICAL
                    kind = "past" if past else "normal"
                    made.append(Statement(scene, start, end, key, value, assertion, kind, f"normal:{term}", hit))
    return made


def _of_a_noun(scene: Scene, hit: Hit, rules: ReadingRules) -> bool:
    """Whether the structure is only the place of a mass ("the paravertebral mass … foramina are free")."""
    return any(
        other.gap(hit) == 0 and not rules.named.isdisjoint(other.terms) for other in scene.hits if other is not hit
    )


def measured_statements(scene: Scene, rules: ReadingRules) -> list[Statement]:
    """Organs that are measured beyond a limit of the policy; a measurement never denies."""
    return _long_spleen(scene, rules) + _dense_liver(scene, rules)


def _dense_liver(scene: Scene, rules: ReadingRules) -> list[Statement]:
    """An unenhanced liver above the limit holds iron (policy 15); after contrast medium the number says nothing."""
    if not scene.has("liver_value") or scene.told.isdisjoint(scene.roles["native"]):
        return []
    words = scene.layout.words
    for unit in scene.with_role("hu"):
        number = words[unit.start - 1] if unit.start else ""
        assertion = scene.judge(unit.start, unit.end)
        if number.isdecimal() and int(number) > rules.liver_hu and is_fact(assertion):
            key = rules.roles["liver_iron"]
            return [
                Statement(scene, unit.start - 1, unit.end, key, Value.PRESENT, assertion, "finding", MEASURED, unit)
            ]
    return []


def _long_spleen(scene: Scene, rules: ReadingRules) -> list[Statement]:
    """A length above the limit of an adult (policy 6.1)."""
    if not scene.has("spleen_length"):
        return []
    hit = scene.with_role("spleen_length")[0]
    assertion = scene.judge(hit.start, hit.end)
    others = [other.start for other in scene.with_role("organs") if other.start >= hit.end]
    stop = min([scene.sentence.end, hit.end + 10, *others])  # "the spleen is normal, the left kidney 13.5 cm"
    for at, size in size_in(scene.language, scene.layout.words, hit.start, stop):
        if size > rules.spleen_mm and is_fact(assertion):
            key = rules.roles["spleen"]
            made = Statement(scene, hit.start, at + 1, key, Value.PRESENT, assertion, "finding", MEASURED, hit)
            made.size = size
            return [made]
    return []
