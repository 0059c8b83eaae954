"""Phrases of the tables as one automaton; matching is leftmost-longest and linear in the text.

Notation of a phrase: words; `[a|b c]` alternatives; `(a)` optional; `word*` any word that begins so; `~` up to three
words that do not matter. Brackets may be nested. A word with one of the joined prefixes of its language also matches
when it is written in two parts ("para spinal"). The automaton is nondeterministic and small; its deterministic steps
are computed when a text first needs them and remembered, up to a limit.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from emhwatch.tables.words import Speller, fold, split

T = TypeVar("T")
ANY = -1  #: symbol of any word
GAP = 3  #: most words that `~` stands for
LIMIT = 400  #: most spellings that one word with brackets may stand for
_CLOSING = {"[": "]", "(": ")"}


@lru_cache(maxsize=4096)
def chunks(phrase: str) -> tuple[str, ...]:
    """Parts of a notation between blanks that stand outside brackets.

    Raises:
        ValueError: brackets are not balanced.
    """
    parts, open_brackets, begin = [], [], 0
    for at, char in enumerate(phrase):
        if char in _CLOSING:
            open_brackets.append(_CLOSING[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
        elif char in "])":
            raise ValueError(phrase)
        elif char == " " and not open_brackets:
            parts.append(phrase[begin:at])
            begin = at + 1
    if open_brackets:
        raise ValueError(phrase)
    return tuple(part for part in (*parts, phrase[begin:]) if part)


def _options(group: str) -> list[str]:
    """Alternatives of a bracket's inside."""
    options, depth, begin = [], 0, 0
    for at, char in enumerate(group):
        depth += (char in "[(") - (char in "])")
        if char == "|" and depth == 0:
            options.append(group[begin:at])
            begin = at + 1
    return [*options, group[begin:]]


def _is_group(chunk: str) -> bool:
    """Whether a chunk is one bracket and nothing else."""
    if chunk[0] not in _CLOSING:
        return False
    depth = 0
    for at, char in enumerate(chunk):
        depth += (char in "[(") - (char in "])")
        if depth == 0:
            return at == len(chunk) - 1
    return False


def spellings(chunk: str) -> list[str]:
    """All plain texts that a chunk with brackets inside stands for ("ero[ded|sion]").

    Raises:
        ValueError: far too many.
    """
    opens = min((at for at in (chunk.find("["), chunk.find("(")) if at >= 0), default=-1)
    if opens < 0:
        return [chunk]
    depth, closes = 0, opens
    for closes in range(opens, len(chunk)):
        depth += (chunk[closes] in "[(") - (chunk[closes] in "])")
        if depth == 0:
            break
    inner = [text for option in _options(chunk[opens + 1 : closes]) for text in spellings(option)]
    if chunk[opens] == "(":
        inner.append("")
    found = [chunk[:opens] + text + rest for text in inner for rest in spellings(chunk[closes + 1 :])]
    if len(found) > LIMIT:
        raise ValueError(chunk)
    return found


@dataclass(slots=True)
class Phrases(Generic[T]):
    """A set of phrases, each with what it stands for."""

    speller: Speller
    joined: tuple[str, ...]  #: prefixes that may be written apart
    payloads: list[T] = field(default_factory=list)
    edges: list[dict[int, list[int]]] = field(default_factory=lambda: [{}])
    ends: dict[int, list[int]] = field(default_factory=dict)  #: node -> payloads of phrases that end there
    literals: dict[str, int] = field(default_factory=dict)
    stems: dict[str, int] = field(default_factory=dict)

    def add(self, notation: str, payload: T) -> None:
        """Add a phrase, or several divided by `;`.

        Raises:
            ValueError: the notation is wrong or a phrase is empty.
        """
        index = len(self.payloads)
        self.payloads.append(payload)
        for phrase in notation.split(";"):
            nodes = self._sequence(phrase, [0])
            if 0 in nodes:
                raise ValueError(phrase)
            for node in nodes:
                self.ends.setdefault(node, []).append(index)

    def _sequence(self, phrase: str, sources: list[int]) -> list[int]:
        for chunk in chunks(phrase):
            if _is_group(chunk):
                reached = [node for option in _options(chunk[1:-1]) for node in self._sequence(option, sources)]
                sources = reached if chunk[0] == "[" else [*sources, *reached]
            elif "[" in chunk or "(" in chunk:
                sources = [node for text in spellings(chunk) for node in self._sequence(text, sources)]
            else:
                sources = self._word(chunk, sources)
            sources = list(dict.fromkeys(sources))
        return sources

    def _word(self, word: str, sources: list[int]) -> list[int]:
        if word == "~":
            reached = list(sources)
            for _ in range(GAP):
                sources = [self._step(sources, ANY)]
                reached += sources
            return reached
        words = split(fold(word.rstrip("*"))).words
        if not words:
            return sources
        before = sources
        for part in words[:-1]:
            sources = [self._step(sources, self._literal(part))]
        symbol = self._stem if word.endswith("*") and word != "*" else self._literal
        target = self._step(sources, symbol(words[-1]))
        if len(words) == 1:
            for prefix in self.joined:
                if words[0].startswith(prefix) and len(words[0]) >= len(prefix) + 4:
                    middle = self._step(before, self._literal(prefix))
                    self._step([middle], symbol(words[0][len(prefix) :]), target)
        return [target]

    def _step(self, sources: list[int], symbol: int, target: int | None = None) -> int:
        if target is None:
            target = len(self.edges)
            self.edges.append({})
        for source in sources:
            self.edges[source].setdefault(symbol, []).append(target)
        return target

    def _literal(self, word: str) -> int:
        return self.literals.setdefault(self.speller.spell(word), len(self.literals) + len(self.stems))

    def _stem(self, stem: str) -> int:
        return self.stems.setdefault(self.speller.respell(stem), len(self.literals) + len(self.stems))


class State(Generic[T]):
    """A deterministic state: nodes of the automaton, what ends here, known steps by word."""

    __slots__ = ("accepts", "nodes", "steps")

    def __init__(self, nodes: tuple[int, ...], accepts: tuple[T, ...]) -> None:
        self.nodes = nodes
        self.accepts = accepts
        self.steps: dict[str, State[T] | None] = {}


class Matcher(Generic[T]):
    """Finds phrases in words."""

    __slots__ = ("_phrases", "_remembered", "_root", "_states", "_stem_lengths", "payloads")
    MEMORY = 120_000  #: steps remembered at most

    def __init__(self, phrases: Phrases[T]) -> None:
        self._phrases = phrases
        self.payloads = phrases.payloads
        self._stem_lengths = tuple(sorted({len(stem) for stem in phrases.stems}))
        self._forget()

    def _forget(self) -> None:
        self._remembered = 0
        self._root: State[T] = State((0,), ())
        self._states: dict[tuple[int, ...], State[T]] = {(0,): self._root}

    def find(self, words: list[str], start: int, stop: int) -> list[tuple[int, int, tuple[T, ...]]]:
        """Matches in `words[start:stop]` as (first word, end word, payloads), leftmost-longest."""
        if self._remembered > self.MEMORY:
            self._forget()
        matches = []
        root = self._root
        first_steps = root.steps
        at = start
        while at < stop:
            word = words[at]
            try:
                state = first_steps[word]
            except KeyError:
                state = self._step(root, word)
            if state is None:
                at += 1
                continue
            best, accepts, place = at, state.accepts, at + 1
            if accepts:
                best = place
            while place < stop:
                word = words[place]
                try:
                    following = state.steps[word]
                except KeyError:
                    following = self._step(state, word)
                if following is None:
                    break
                state = following
                place += 1
                if state.accepts:
                    best, accepts = place, state.accepts
            if best > at:
                matches.append((at, best, accepts))
                at = best
            else:
                at += 1
        return matches

    def opens(self, word: str) -> bool:
        """Whether a phrase may begin with this word."""
        return (self._root.steps[word] if word in self._root.steps else self._step(self._root, word)) is not None

    def _step(self, state: State[T], word: str) -> State[T] | None:
        edges = self._phrases.edges
        symbols = self._symbols(word)
        nodes = tuple(sorted({to for node in state.nodes for symbol in symbols for to in edges[node].get(symbol, ())}))
        following = None
        if nodes:
            following = self._states.get(nodes)
            if following is None:
                ends, payloads = self._phrases.ends, self.payloads
                accepts = dict.fromkeys(index for node in nodes for index in ends.get(node, ()))
                following = self._states[nodes] = State(nodes, tuple(payloads[index] for index in accepts))
        state.steps[word] = following
        self._remembered += 1
        return following

    def _symbols(self, word: str) -> list[int]:
        """Symbols of a word as it is written (folded)."""
        phrases = self._phrases
        spelled = phrases.speller.spell(word)
        found = []
        literal = phrases.literals.get(spelled)
        if literal is not None:
            found.append(literal)
        for form in dict.fromkeys((phrases.speller.respell(word), spelled)):
            for length in self._stem_lengths:
                if length > len(form):
                    break
                stem = phrases.stems.get(form[:length])
                if stem is not None and stem not in found:
                    found.append(stem)
        if word[:1].isalnum():
            found.append(ANY)
        return found
