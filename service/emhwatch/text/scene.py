"""One sentence with the words found in it; what every later step looks at."""

from collections.abc import Mapping

from emhwatch.model.reading import Cue
from emhwatch.tables.meanings import Meaning
from emhwatch.tables.text import Language, TextTables
from emhwatch.text.assertion import PLAIN, Assertion, CueMatch, find_cues, judge
from emhwatch.text.segment import Layout, Sentence
from emhwatch.types import Certainty, Section, Temporality, Value

_NORMAL_REACH, _NORMAL_BEFORE = 9, 3  #: words between a structure and a "normal" after or before it
_BREAKS = frozenset(("stop", "verb", "negated", "hedged"))


class Hit:
    """A phrase of the lexicon at tokens `start` to `end`, with its terms."""

    __slots__ = ("end", "meaning", "start", "terms")

    def __init__(self, start: int, end: int, terms: tuple[str, ...], meaning: Meaning) -> None:
        self.start = start
        self.end = end
        self.terms = terms
        self.meaning = meaning

    def gap(self, other: "Hit") -> int:
        """Words between two hits; 0 when they touch or overlap."""
        return max(0, other.start - self.end, self.start - other.end)


class Scene:
    """A sentence, its hits in order, its cues when first asked for."""

    __slots__ = (
        "_cues",
        "hits",
        "index",
        "language",
        "layout",
        "named",
        "roles",
        "sentence",
        "tells",
        "terms",
        "told",
        "topic",
    )

    def __init__(
        self,
        index: int,
        layout: Layout,
        sentence: Sentence,
        language: Language,
        hits: list[Hit],
        topic: list[Hit],
        roles: Mapping[str, frozenset[str]],
    ) -> None:
        self.index = index
        self.layout = layout
        self.sentence = sentence
        self.language = language
        self.hits = hits
        self.roles = roles
        self.topic = topic  #: hits of a label that an earlier sentence ended with, a region and a colon
        self.tells = any(hit.meaning.tells for hit in hits)  #: else it states nothing, and the next two are not asked
        telling = hits if self.tells else []
        self.terms: set[str] = set().union(*[hit.terms for hit in telling])
        self.named: set[str] = set().union(*[hit.meaning.roles for hit in telling])  #: roles of the hits
        self.told: frozenset[str] = frozenset()  #: terms of this and earlier sentences that a rule may ask for
        self._cues: list[CueMatch] | None = None

    @property
    def section(self) -> Section:
        """Section of the sentence."""
        return self.sentence.section

    @property
    def cues(self) -> list[CueMatch]:
        """Cues of the sentence."""
        if self._cues is None:
            self._cues = find_cues(self.language, self.layout.words, self.sentence.start, self.sentence.end)
        return self._cues

    def judge(self, start: int, end: int) -> Assertion:
        """Assertion of tokens `start` to `end`."""
        if not self.cues:
            return PLAIN
        limits = (self.sentence.start, self.sentence.end)
        return judge(self.language, self.layout.words, self.cues, start, end, limits)

    def of(self, terms: frozenset[str]) -> list[Hit]:
        """Hits that have one of these terms."""
        return [hit for hit in self.hits if not terms.isdisjoint(hit.terms)]

    def with_role(self, role: str) -> list[Hit]:
        """Hits with a term that has this role of `mappings/text/roles.toml`."""
        return [hit for hit in self.hits if role in hit.meaning.roles] if role in self.named else []

    def has(self, role: str) -> bool:
        """Whether a term with this role stands in the sentence."""
        return role in self.named

    def nearest(self, hit: Hit, terms: frozenset[str]) -> Hit | None:
        """The hit with one of these terms that stands closest to `hit`."""
        others = [other for other in self.of(terms) if other is not hit]
        return min(others, key=hit.gap) if len(others) > 1 else others[0] if others else None

    def linked(self, hit: Hit, cue: CueMatch) -> bool:
        """Whether "normal" is said of a structure: it is near, and nothing between breaks the link."""
        after = cue.start >= hit.end
        low, high = (hit.end, cue.start) if after else (cue.end, hit.start)
        if not 0 <= high - low <= (_NORMAL_REACH if after else _NORMAL_BEFORE):
            return False
        if any(word in ";:" for word in self.layout.words[low:high]) and self.sentence.topic is None:
            return False
        return not any(other.row.effect in _BREAKS and low <= other.start and other.end <= high for other in self.cues)

    def span(self, start: int, end: int) -> tuple[int, int, str]:
        """Code points and text of tokens `start` to `end`."""
        first, last = self.layout.starts[start], self.layout.ends[end - 1]
        return first, last, self.layout.text[first:last]

    def cue(self, assertion: Assertion, rule: str) -> Cue | None:
        """The deciding cue as it is reported; without one the rule alone."""
        match = assertion.cue
        if match is None or match.end > len(self.layout.ends) or match.end <= match.start:
            return Cue(rule, "", 0, 0) if rule else None
        start, end, text = self.span(match.start, match.end)
        return Cue(f"{rule} {match.row.id}".strip(), text, start, end)


def value_of(assertion: Assertion) -> Value:
    """Wording to value (policy 2.2)."""
    if assertion.certainty is Certainty.NEGATED or assertion.temporality is Temporality.RESOLVED:
        return Value.ABSENT
    if "unassessed" in assertion.effects:
        return Value.UNKNOWN
    return Value.POSSIBLE if assertion.certainty is Certainty.HEDGED else Value.PRESENT


def is_fact(assertion: Assertion) -> bool:
    """Whether a statement is about this case: no general, conditional or planned statement, no question."""
    return assertion.effects.isdisjoint(("general", "hypothetical", "question", "planned"))


def scenes_of(layout: Layout, language: Language, tables: TextTables) -> list[Scene]:
    """All sentences in which the lexicon finds something."""
    meanings, roles = tables.meanings, tables.rules.terms
    words = layout.words
    scenes: list[Scene] = []
    told: frozenset[str] = frozenset()
    labels: dict[tuple[int, int], list[Hit]] = {}
    for index, sentence in enumerate(layout.sentences):
        found = _find(language, words, sentence)
        hits = [Hit(start, end, named, meanings[named]) for start, end, named in found]
        topic: list[Hit] = []
        label = sentence.topic
        if label is not None:
            if sentence.start <= label[0] < sentence.end:
                labels[label] = [hit for hit in hits if hit.end <= label[1]]
            else:
                topic = labels.get(label, [])
        scene = Scene(index, layout, sentence, language, hits, topic, roles)
        told = scene.told = told.union(*[hit.terms for hit in hits]) & tables.rules.told
        scenes.append(scene)
    return scenes


def _find(language: Language, words: list[str], sentence: Sentence) -> list[tuple[int, int, tuple[str, ...]]]:
    """Phrases of a sentence; the colon of a label reads as "is" unless a phrase has it ("Spleen: enlarged")."""
    found = language.terms.find(words, sentence.start, sentence.end)
    if sentence.topic is None or not sentence.start < sentence.topic[1] < sentence.end - 1:
        return found
    colon = sentence.topic[1]
    if any(start < colon < end for start, end, _ in found):
        return found
    said = [*words[sentence.start : colon], language.copula, *words[colon + 1 : sentence.end]]
    first = sentence.start
    return [(first + start, first + end, named) for start, end, named in language.terms.find(said, 0, len(said))]
