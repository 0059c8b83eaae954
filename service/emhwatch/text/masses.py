"""Mentions of a mass: noun and site stand apart and in any order (policy 3.1, 3.2)."""

import re

from emhwatch.tables.readings import Noun, ReadingRules
from emhwatch.text.anatomy import levels_in, merge_sides, size_in
from emhwatch.text.assertion import PLAIN, Assertion
from emhwatch.text.mention import BESIDE, Mention
from emhwatch.text.places import locate
from emhwatch.text.scene import Hit, Scene, value_of
from emhwatch.types import Certainty, Side, Value

SIDES = {"right": Side.RIGHT, "left": Side.LEFT, "bilateral": Side.BILATERAL, "midline": Side.MIDLINE}
_DIGIT = re.compile(r"\d")
_MOST = 20  #: nouns of one sentence that are looked at, which bounds the work
_NUMBER_REACH = 8  #: words between a number and the noun that it counts
_PLANS = frozenset(("planned",))


def mentions_in(scene: Scene, rules: ReadingRules, kind: str, before: Scene | None) -> list[Mention]:
    """All mentions of a sentence, wherever they are; `before` may lend its region to a bare denial."""
    if rules.named.isdisjoint(scene.terms) and not scene.has("pointer"):
        return []
    nouns = [(hit, noun) for hit in scene.hits if (noun := _noun(scene, hit, rules, kind)) is not None][:_MOST]
    pointers = scene.with_role("pointer")
    found: list[Mention] = []
    taken = {hit.start for hit, _ in nouns}
    edges = _zones(scene, [hit for hit, _ in nouns])
    for (hit, noun), zone in zip(nouns, edges, strict=True):
        found.append(_mention(scene, hit, noun, zone, kind, before))
    for hit in pointers:
        if hit.start not in taken and not found:
            blank = Noun("", Value.PRESENT, Value.PRESENT, "")
            mention = _mention(scene, hit, blank, (scene.sentence.start, scene.sentence.end), kind, None)
            mention.pointer = True
            if mention.elsewhere:  # "the masses do not erode the vertebral bodies": what it touches, not where it is
                mention.elsewhere = mention.regional = False
                mention.sites = []
            found.append(mention)
            break
    return found


def _noun(scene: Scene, hit: Hit, rules: ReadingRules, kind: str) -> Noun | None:
    label = scene.sentence.topic
    if label is not None and hit.meaning.structure is not None and label[0] <= hit.start < label[1]:
        return None  # the label of a line names a place
    best: Noun | None = None
    for term in hit.terms:
        noun = rules.nouns.get(term)
        if noun is None or _plain(noun, kind) is None:
            continue
        if best is None or _plain(noun, kind) is Value.PRESENT:
            best = noun
    return best


def _plain(noun: Noun, kind: str) -> Value | None:
    return noun.film if kind == "film" else noun.value


def _zones(scene: Scene, hits: list[Hit]) -> list[tuple[int, int]]:
    """The words that belong to each noun: up to the last comma or conjunction before the next noun."""
    words = scene.layout.words
    begin = scene.sentence.start
    zones = []
    for index, hit in enumerate(hits):
        stop = scene.sentence.end
        if index + 1 < len(hits):
            stop = hits[index + 1].start
            for at in range(stop - 1, hit.end - 1, -1):
                if words[at] in scene.language.lists["splits"]:
                    stop = at
                    break
        zones.append((begin, stop))
        begin = stop
    return zones


def _mention(scene: Scene, hit: Hit, noun: Noun, zone: tuple[int, int], kind: str, before: Scene | None) -> Mention:
    assertion = _of_the_mass(scene, hit, scene.judge(hit.start, hit.end))
    value = value_of(assertion)
    plain = _plain(noun, kind) or Value.PRESENT
    mention = Mention(scene, hit, value, assertion, noun.term, noun.key)
    _describe(mention, zone)
    measured = mention.size and not scene.roles["measured"].isdisjoint(hit.terms)
    if value is Value.PRESENT and plain is Value.POSSIBLE and not measured:
        mention.value = Value.ABSENT if _called_normal(scene, hit) else Value.POSSIBLE
    locate(mention, zone, before, kind)
    return mention


def _called_normal(scene: Scene, hit: Hit) -> bool:
    """Whether a word that alone is no mass is called normal ("the paravertebral shadows are normal")."""
    near = [cue for cue in scene.cues if cue.row.effect == "normal" and scene.linked(hit, cue)]
    if hit.meaning.structure is None:  # "left basal opacity, the heart is normal"
        near = [cue for cue in near if cue.start == hit.end or hit.start - BESIDE <= cue.end <= hit.start]
    return bool(near)


def _of_the_mass(scene: Scene, hit: Hit, assertion: Assertion) -> Assertion:
    """A hedge or plan whose object is a biopsy says nothing about the mass ("we suggest sampling of the mass")."""
    cue = assertion.cue
    if cue is not None and assertion.certainty is not Certainty.NEGATED:
        for sample in scene.with_role("biopsy"):
            if cue.end <= sample.start and sample.end <= hit.start:
                return PLAIN
    return assertion._replace(effects=assertion.effects - _PLANS) if assertion.effects & _PLANS else assertion


def _describe(mention: Mention, zone: tuple[int, int]) -> None:
    """Side, levels, size and number from the words of the noun's zone."""
    scene, hit = mention.scene, mention.hit
    start, end = zone
    inside = [other for other in scene.hits if start <= other.start < end]
    roles: set[str] = set().union(*[other.meaning.roles for other in inside])
    mention.side = merge_sides([side for role, side in SIDES.items() if role in roles])
    words = scene.layout.words
    if _DIGIT.search(" ".join(words[start:end])) or not scene.language.ordinals.keys().isdisjoint(words[start:end]):
        mention.levels, places = levels_in(scene.language, words, start, end)
        if any(0 <= at - other.end <= BESIDE for at in places for other in scene.with_role("deficit")):
            mention.levels = ()  # "sensory level at T10" is no level of a mass (policy 6.1)
        sizes = [found for found in size_in(scene.language, words, start, end) if not _of_organ(scene, found[0], hit)]
        mention.size = max(_current(scene, sizes), default=None)
    mention.thoracic = "thoracic" in roles
    mention.low = "low" in roles
    mention.mid = "mid" in roles
    mention.lumbar = "lumbar" in roles
    mention.whole = "whole" in roles
    mention.another = "another" in roles
    near: set[str] = set().union(*[other.meaning.roles for other in inside if other.gap(hit) <= _NUMBER_REACH])
    mention.many = "many" in roles or "number" in near
    if "two" in near:
        mention.count = 2


def _current(scene: Scene, sizes: list[tuple[int, float]]) -> list[float]:
    """Sizes without those that a word of the past stands before, or after at the end ("2.1 cm, previously 3.4 cm")."""
    past = [cue for cue in scene.cues if cue.row.effect == "historical"] if len(sizes) > 1 else []
    current, begin = [], scene.sentence.start
    for number, (at, size) in enumerate(sizes):
        last = number + 1 == len(sizes)
        if not any(
            begin <= cue.start < at or (last and cue.start == at + 1) for cue in past if number or cue.start > at
        ):
            current.append(size)
        begin = at + 1
    return current or [size for _, size in sizes]


def _of_organ(scene: Scene, at: int, noun: Hit) -> bool:
    """Whether a size stands closer to another organ than to the noun."""
    gap = abs(at - noun.start)
    return any(abs(at - other.start) < gap for other in scene.with_role("organs") if other.start < at)
