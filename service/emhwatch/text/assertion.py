"""What the words around a statement say about it: certainty, time, person; with the cue that decided.

A cue reaches a statement unless something between them ends its scope (`stop`, `verb`, `np-stop`, `weak-stop` of the
cue tables, brackets, semicolons, list numbers). Hedges that contain a negation ("cannot be excluded") are cues of
their own, so the longest cue wins before any scope is looked at. Cost: cues of one sentence times its statements.
"""

from collections.abc import Mapping
from typing import NamedTuple

from emhwatch.tables.text import CueRow, Language
from emhwatch.types import Certainty, Experiencer, Temporality

_EMBRACING = frozenset(
    ("general", "other", "hypothetical")
)  #: reach the statement that they enclose ("the differential of … includes", "should … occur")
_ENDS = frozenset(("stop", "weak-stop"))  #: they end a scope also where the statement begins with their last word
_NARROW = frozenset(("negated", "affirmed", "unassessed"))
_SCOPE_LIMIT = 40  #: words that a cue reaches at most


class CueMatch(NamedTuple):
    """A cue in a sentence; `start` and `end` are tokens."""

    row: CueRow
    start: int
    end: int


class Assertion(NamedTuple):
    """The words around a statement, judged."""

    certainty: Certainty
    temporality: Temporality
    experiencer: Experiencer
    cue: CueMatch | None = None
    effects: frozenset[str] = frozenset()  #: all effects that reach the statement


PLAIN = Assertion(Certainty.AFFIRMED, Temporality.CURRENT, Experiencer.PATIENT)


def find_cues(language: Language, words: list[str], start: int, end: int) -> list[CueMatch]:
    """Cues of a sentence in order."""
    return [
        CueMatch(row, first, last)
        for first, last, rows in language.cues.find_overlapping(words, start, end)
        for row in rows
        if not (row.effect == "negated" and any(other.effect == "hedged" for other in rows))  # "possible but unlikely"
    ]


def judge(
    language: Language, words: list[str], cues: list[CueMatch], start: int, end: int, limits: tuple[int, int]
) -> Assertion:
    """Judge the statement at tokens `start` to `end` of a sentence (`limits`) with these cues."""
    if not cues:
        return PLAIN
    reached: dict[str, CueMatch] = {}
    after_and = start > limits[0] and words[start - 1] in language.lists["additions"]
    resumed = after_and and words[start] in language.lists["finite"]  # "without narrowing it and extends to"
    for cue in cues:
        if cue.start < end and cue.end > start:
            inside = cue.start < start < cue.end and cue.row.effect == "negated" and not cue.row.subject
            if cue.row.effect in _EMBRACING or inside:  # French "ne comprime pas"
                reached[cue.row.effect] = cue
                continue
            # words of the statement itself are no cue: look beside it
            before = cue.start if cue.row.subject and cue.start < start and end < cue.end else start
            ends = [c for c in cues if c.start < start < c.end and c.row.effect in _ENDS]  # ", stable"
            cues = find_cues(language, words, limits[0], before) + ends + find_cues(language, words, end, limits[1])
            break
    for cue in cues:
        effect = cue.row.effect
        if effect in _PASSIVE:
            continue
        if cue.end <= start:
            distance = start - cue.end
            if not cue.row.forward or distance > (cue.row.reach or _SCOPE_LIMIT):
                continue
            if resumed and effect in _NARROW:
                continue
            if _ends_forward(language.lists, words, cues, cue, start, limits[1]):
                continue
            if words[limits[0]] in language.lists["concessions"] and "," in words[cue.end : start]:
                continue  # "despite the lack of enhancement, tumor is suspected"
        elif cue.start >= end:
            distance = cue.start - end
            if not cue.row.backward or distance > (cue.row.reach or _SCOPE_LIMIT):
                continue
            if cue.row.closing and _goes_on(language.lists["closers"], words, cue.end, limits[1]):
                continue
            if _ends_backward(words, cues, cue, end):
                continue
        else:
            continue
        best = reached.get(effect)
        if best is None or distance < _distance(best, start, end):
            reached[effect] = cue
    return _conclude(reached)


_PASSIVE = frozenset(("pseudo", "stop", "cause", "verb", "np-stop", "weak-stop", "joint", "normal"))


def _distance(cue: CueMatch, start: int, end: int) -> int:
    return start - cue.end if cue.end <= start else cue.start - end


def _ends_forward(
    lists: Mapping[str, frozenset[str]], words: list[str], cues: list[CueMatch], cue: CueMatch, start: int, limit: int
) -> bool:
    """Whether something between a cue and the statement after it ends the scope."""
    effect, conjunctions = cue.row.effect, lists["conjunctions"]
    narrow = effect in _NARROW
    for other in cues:
        if other.start < cue.end:
            continue
        if other.start >= start:
            break
        kind = other.row.effect
        if effect == "general" and other.start == cue.end:
            continue  # its own verb: "typically show"
        if effect == "other" and words[other.start] in lists["results"] and "," not in words[cue.end : other.start]:
            continue  # "his brother had a biopsy that showed"
        if kind == "stop" or (kind == "cause" and effect != "general" and not _of_cause(cue, other)):
            return True
        if kind == "verb" and effect in ("negated", "hedged", "leading", "affirmed", "unassessed", "planned"):
            return True
        if narrow and kind == "np-stop" and not _resumed(conjunctions, words, other.end, start, limit):
            return True
        if narrow and kind == "weak-stop" and not _conjoined(conjunctions, words, other.end, limit):
            return True
        if (
            narrow
            and kind in ("hedged", "affirmed", "normal", "negated")
            and other.row.backward
            and not other.row.forward
        ):
            return True
        if narrow and (kind == "normal" or (kind in ("leading", "hedged") and words[other.start - 1] == ",")):
            return True
    depth = 0
    for at in range(cue.end, start):
        word = words[at]
        if word == "(":
            depth += 1
        elif word in ")]":
            if depth == 0 and not _enumerator(words, at):
                return True
            depth -= 1
            if _enumerator(words, at):
                return True
        elif word == ";" or (word == ":" and at - cue.end > 3 and narrow):
            return True
    return False


def _of_cause(cue: CueMatch, cause: CueMatch) -> bool:
    """Whether a hedge is one of the cause itself: "possibly due to"."""
    return cue.row.effect in ("hedged", "leading") and cause.start == cue.end


def _goes_on(closers: frozenset[str], words: list[str], end: int, limit: int) -> bool:
    """Whether the clause of a cue goes on behind it with what the cue is about."""
    return end < limit and words[end].isalnum() and words[end] not in closers


def _enumerator(words: list[str], at: int) -> bool:
    return words[at] == ")" and words[at - 1].isdigit() and words[at - 2] != "("


def _conjoined(conjunctions: frozenset[str], words: list[str], start: int, limit: int) -> bool:
    return any(word in conjunctions for word in words[start:limit])


def _resumed(conjunctions: frozenset[str], words: list[str], barrier: int, start: int, limit: int) -> bool:
    """Whether a list goes on after "of the …": "no compression of the cord or effacement"."""
    between = words[barrier:start]
    if any(word in conjunctions for word in between):
        return True
    return "," in between and _conjoined(conjunctions, words, start, limit)


def _ends_backward(words: list[str], cues: list[CueMatch], cue: CueMatch, end: int) -> bool:
    """Whether something between a statement and a cue after it ends the scope."""
    for other in cues:
        if other.end <= end or other is cue:
            continue
        if other.start >= cue.start:
            break
        kind = other.row.effect
        if cue.row.effect == "general" and kind == "verb" and other.end == cue.start:
            continue  # its own verb: "are typically"
        if kind in ("stop", "cause", "verb") and other.end <= cue.start:
            return True
        if cue.row.effect == "negated" and kind == "negated" and other.row.forward and other.start >= end:
            return True
    for at in range(end, cue.start):
        word = words[at]
        if word == ";" or (word == ")" and _enumerator(words, at)):
            return True
        if word == "(" and ")" not in words[at : cue.start] and cue.start - at > 2:
            return True
    return False


def _conclude(reached: dict[str, CueMatch]) -> Assertion:
    if not reached:
        return PLAIN
    certainty, cue = Certainty.AFFIRMED, None
    if "affirmed" in reached and "negated" in reached:
        del reached["negated"]
    for effect, value in _CERTAINTIES:
        if effect in reached:
            certainty, cue = value, reached[effect]
            break
    temporality = Temporality.CURRENT
    for effect, when in _TIMES:
        if effect in reached and not (effect == "historical" and "changed" in reached):
            temporality = when
            cue = cue or reached[effect]
            break
    experiencer = Experiencer.OTHER if "other" in reached else Experiencer.PATIENT
    return Assertion(certainty, temporality, experiencer, cue or next(iter(reached.values())), frozenset(reached))


_CERTAINTIES = (
    ("negated", Certainty.NEGATED),
    ("question", Certainty.HEDGED),
    ("hedged", Certainty.HEDGED),
    ("leading", Certainty.HEDGED),
    ("hypothetical", Certainty.HEDGED),
    ("general", Certainty.HEDGED),
)
_TIMES = (
    ("hypothetical", Temporality.HYPOTHETICAL),
    ("question", Temporality.HYPOTHETICAL),
    ("general", Temporality.HYPOTHETICAL),
    ("planned", Temporality.PLANNED),
    ("resolved", Temporality.RESOLVED),
    ("historical", Temporality.HISTORICAL),
)
