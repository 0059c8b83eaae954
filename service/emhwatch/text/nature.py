"""Findings at the site of a mass that are no mass: fluid, vessel, hernia, spur, node, muscle (policy 3.3, 3.5)."""

from dataclasses import dataclass

from emhwatch.model.reading import Finding
from emhwatch.tables.readings import ReadingRules
from emhwatch.text.assertion import Assertion
from emhwatch.text.grouping import Group
from emhwatch.text.mention import Mention
from emhwatch.text.scene import Hit, Scene, is_fact, value_of
from emhwatch.types import Certainty, Experiencer, Section, Value

_REACH = 12  #: words between a mass and what it is said to be
_BESIDE = 3  #: words between a thing and the muscle that it is in
_PSOAS = "psoas"


@dataclass(slots=True, eq=False)
class Nature:
    """Something named at the site of a mass, or as what the mass is."""

    scene: Scene
    hit: Hit
    kind: str
    value: Value  #: A when this is the whole finding
    stated: Value  #: of the thing itself
    assertion: Assertion
    whole: bool  #: the mass is said to be this
    mention: Mention | None
    at_site: bool

    @property
    def fluid(self) -> bool:
        """A fluid collection, abscess, phlegmon or haematoma (policy 3.5)."""
        return self.kind in self.scene.roles["fluid"]

    @property
    def group(self) -> int | None:
        """The mass that is said to be this."""
        return self.mention.group if self.mention is not None else None

    def findings(self, groups: list[Group], rules: ReadingRules) -> list[Finding]:
        """Findings of this thing beside, or instead of, a mass."""
        mass = self.group
        solid = not self.whole and bool(groups)
        made = []
        if self.fluid and solid and self.at_site:
            made.append(self._finding(rules.roles["rim"], self.stated, mass if mass is not None else len(groups) - 1))
        elif self.at_site and not solid:
            if self.fluid:
                made.append(self._finding(rules.roles["collection"], self.stated, None))
            if self.stated is not Value.ABSENT:
                made.append(self._finding(rules.roles["mass"], self.value, mass))
        return made

    def _finding(self, key: str, value: Value, mass: int | None) -> Finding:
        start, end, text = self.scene.span(self.hit.start, self.hit.end)
        certainty = {Value.ABSENT: Certainty.NEGATED, Value.POSSIBLE: Certainty.HEDGED}.get(value, Certainty.AFFIRMED)
        return Finding(
            key=key,
            value=value,
            start=start,
            end=end,
            text=text,
            section=self.scene.section,
            certainty=certainty,
            temporality=self.assertion.temporality,
            mass=mass,
            cue=self.scene.cue(self.assertion, f"nature:{self.kind}"),
        )


def natures_in(scene: Scene, rules: ReadingRules, mentions: list[Mention]) -> list[Nature]:
    """Things in a sentence that are no mass, at a site of policy 3.1 or as what a mass is."""
    if not scene.has("natures") or scene.section in (Section.OTHER, Section.TECHNIQUE, Section.REQUEST):
        return []
    made = []
    for hit in scene.with_role("natures"):
        kind = next(term for term in hit.terms if term in scene.roles["natures"])
        assertion = scene.judge(hit.start, hit.end)
        if not is_fact(assertion) or assertion.experiencer is Experiencer.OTHER:
            continue
        stated = value_of(assertion)
        near = min((m for m in mentions if m.site_class or not m.regional), key=lambda m: m.hit.gap(hit), default=None)
        linked = near is not None and _is_said_to_be(scene, near, hit)
        inside = near is not None and kind in scene.roles["enclosed"] and near.hit.gap(hit) <= _BESIDE
        at_site = linked or inside or _at_site(scene, hit, rules) or (near is not None and near.site_class is not None)
        psoas = not at_site and kind in scene.roles["fluid"] and _in_psoas(scene, hit)
        if not (at_site or psoas) or stated is Value.UNKNOWN:
            continue
        hedged = stated is Value.POSSIBLE and kind not in scene.roles["fluid"]
        value = Value.POSSIBLE if hedged else Value.ABSENT
        whole = linked and stated is not Value.ABSENT
        kind = _PSOAS if psoas else kind  # fluid in the muscle is none in a mass beside it
        made.append(Nature(scene, hit, kind, value, stated, assertion, whole, near, True))
    return made


def _is_said_to_be(scene: Scene, mention: Mention, hit: Hit) -> bool:
    """Whether the words between a mass and the thing say that it is one ("opacity due to a hernia")."""
    if hit.start < mention.hit.end or hit.start - mention.hit.end > _REACH:
        return False
    between = [other for other in scene.with_role("link") if mention.hit.end <= other.start < hit.start]
    inside = scene.language.lists["inside"]
    words = scene.layout.words[max(scene.sentence.start, mention.hit.start - 2) : hit.start]
    return bool(between) and not inside.intersection(words)


def _in_psoas(scene: Scene, hit: Hit) -> bool:
    return any(other.gap(hit) <= _BESIDE for other in scene.with_role(_PSOAS))


def _at_site(scene: Scene, hit: Hit, rules: ReadingRules) -> bool:
    sites = [other for other in scene.hits if any(term in rules.sites for term in other.terms)]
    sites = sites or scene.topic
    nearest = min(sites, key=lambda other: other.gap(hit), default=None)
    if nearest is None or nearest.gap(hit) > 8:
        return False
    listed = [other for other in sites if other.gap(nearest) <= _BESIDE]  # sites of one list
    terms = {term for other in listed for term in other.terms}
    return any(term in rules.sites and rules.sites[term].site_class in ("A1", "A2") for term in terms)
