"""Phrases of the tables as one automaton; matching is leftmost-longest and linear in the text.

The notation is that of `notation.py`. A word with one of the joined prefixes of its language also matches when it is
written in two parts ("para spinal"). The automaton is nondeterministic and small. A phrase becomes part of it when a
text first has a word that the phrase may begin with; deterministic steps are computed when first needed and
remembered, up to a limit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from emhwatch.tables.notation import GAP, check, chunks, is_group, options, spellings
from emhwatch.tables.words import Speller, fold, split

T = TypeVar("T")
ANY = -1  #: symbol of any word


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
    lengths: tuple[int, ...] = ()  #: of the stems, in order
    _new: list[tuple[str, int]] = field(default_factory=list)  #: phrase, its payload
    _waiting: dict[int, list[tuple[str, int]]] = field(default_factory=dict)  #: first symbol -> phrase, its payload
    _taken: set[tuple[str, int]] = field(default_factory=set)
    _symbols: dict[str, tuple[list[int], list[tuple[int, int]]]] = field(default_factory=dict)

    def add(self, notation: str, payload: T) -> None:
        """Add a phrase, or several divided by `;`.

        Raises:
            ValueError: the notation is wrong or a phrase is empty.
        """
        index = len(self.payloads)
        self.payloads.append(payload)
        for phrase in notation.split(";"):
            check(phrase)
            self._new.append((phrase, index))

    def sort(self) -> None:
        """Put new phrases where the symbols that they may begin with are known; not safe in two threads at once."""
        for phrase, index in self._new:
            first: set[int] = set()
            self._first(phrase, first)
            for symbol in first:
                self._waiting.setdefault(symbol, []).append((phrase, index))
        self._new.clear()

    def _first(self, phrase: str, found: set[int]) -> bool:
        """Add the symbols that a phrase may begin with to `found`; True when it may also be empty."""
        for chunk in chunks(phrase):
            if is_group(chunk):
                empty = [self._first(option, found) for option in options(chunk[1:-1])]
                passed = chunk[0] == "(" or any(empty)
            elif "[" in chunk or "(" in chunk:
                empty = [self._first(text, found) for text in spellings(chunk)]
                passed = any(empty)
            elif chunk == "~":
                found.add(ANY)
                passed = True
            else:
                symbols, apart = self._symbols.get(chunk) or self._symbols_of(chunk)
                found.update(symbols[:1], (prefix for prefix, _ in apart))
                passed = not symbols
            if not passed:
                return False
        return True

    def take_in(self, symbols: Iterable[int]) -> None:
        """Take in the phrases that may begin with one of these symbols; not safe in two threads at once."""
        for symbol in symbols:
            for phrase, index in self._waiting.pop(symbol, ()):
                if (phrase, index) not in self._taken:
                    self._taken.add((phrase, index))
                    for node in filter(None, self._sequence(phrase, [0])):
                        self.ends.setdefault(node, []).append(index)

    def _sequence(self, phrase: str, sources: list[int]) -> list[int]:
        for chunk in chunks(phrase):
            if is_group(chunk):
                reached = [node for option in options(chunk[1:-1]) for node in self._sequence(option, sources)]
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
        symbols, apart = self._symbols.get(word) or self._symbols_of(word)
        if not symbols:
            return sources
        before = sources
        for symbol in symbols[:-1]:
            sources = [self._step(sources, symbol)]
        target = self._step(sources, symbols[-1])
        for prefix, rest in apart:
            self._step([self._step(before, prefix)], rest, target)
        return [target]

    def _symbols_of(self, word: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Symbols of a word of the notation, and of the two parts in which it may be written."""
        words = split(fold(word.rstrip("*"))).words
        ending = self._stem if word.endswith("*") and word != "*" else self._literal
        symbols = [self._literal(part) for part in words[:-1]] + [ending(part) for part in words[-1:]]
        apart = []
        if len(words) == 1 and words[0].startswith(self.joined):
            lengths = [len(prefix) for prefix in self.joined if words[0].startswith(prefix)]
            fitting = [length for length in lengths if len(words[0]) >= length + 4]
            apart = [(self._literal(words[0][:length]), ending(words[0][length:])) for length in fitting]
        self._symbols[word] = symbols, apart
        return symbols, apart

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
        spelled = self.speller.respell(stem)
        if len(spelled) not in self.lengths:
            self.lengths = tuple(sorted((*self.lengths, len(spelled))))
        return self.stems.setdefault(spelled, len(self.literals) + len(self.stems))


class State(dict[str, "State[T] | None"], Generic[T]):
    """A deterministic state: the next one by word, None when no phrase goes on so."""

    __slots__ = ("accepts", "matcher", "nodes")

    def __init__(self, matcher: "Matcher[T]", nodes: tuple[int, ...], accepts: tuple[T, ...]) -> None:
        super().__init__()
        self.matcher = matcher
        self.nodes = nodes  #: of the automaton
        self.accepts = accepts  #: what ends here

    def __missing__(self, word: str) -> "State[T] | None":
        following = self[word] = self.matcher.step(self, word)
        return following


class Matcher(Generic[T]):
    """Finds phrases in words."""

    __slots__ = ("_lock", "_phrases", "_remembered", "_root", "_states", "payloads")
    MEMORY = 120_000  #: steps remembered at most

    def __init__(self, phrases: Phrases[T]) -> None:
        self._phrases = phrases
        self.payloads = phrases.payloads
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._remembered = 0
        self._root: State[T] = State(self, (0,), ())
        self._states: dict[tuple[int, ...], State[T]] = {(0,): self._root}

    def find(self, words: list[str], start: int, stop: int) -> list[tuple[int, int, tuple[T, ...]]]:
        """Matches in `words[start:stop]` as (first word, end word, payloads), leftmost-longest."""
        if self._remembered > self.MEMORY:
            self._forget()
        matches = []
        done = start
        for at, state in enumerate(map(self._root.__getitem__, words[start:stop]), start):
            if state is None or at < done:
                continue
            best, accepts, place = at, state.accepts, at + 1
            if accepts:
                best = place
            while place < stop:
                state = state[words[place]]
                if state is None:
                    break
                place += 1
                if state.accepts:
                    best, accepts = place, state.accepts
            if best > at:
                matches.append((at, best, accepts))
                done = best
        return matches

    def find_overlapping(self, words: list[str], start: int, stop: int) -> list[tuple[int, int, tuple[T, ...]]]:
        """As `find`, but of two that overlap the longer one, of equal length the later ("are free", "free of")."""
        if self._remembered > self.MEMORY:
            self._forget()
        matches = []
        done = start
        opening = list(map(self._root.__getitem__, words[start:stop]))
        for at, state in enumerate(opening, start):
            if state is None or at < done:
                continue
            begin, end, accepts = at, *_longest(state, words, at, stop)
            inner = at + 1
            while inner < end:
                if (other := opening[inner - start]) is not None:
                    last, later = _longest(other, words, inner, stop)
                    if last > end and last - inner >= end - begin:
                        begin, end, accepts = inner, last, later
                inner += 1
            if end > begin:
                matches.append((begin, end, accepts))
                done = end
        return matches

    def opens(self, word: str) -> bool:
        """Whether a phrase may begin with this word."""
        return self._root[word] is not None

    def step(self, state: State[T], word: str) -> State[T] | None:
        """The state that follows after one more word."""
        edges = self._phrases.edges
        if state.nodes == (0,):
            with self._lock:
                self._phrases.sort()
                symbols = self._symbols(word)
                self._phrases.take_in(symbols)
        else:
            symbols = self._symbols(word)
        nodes = tuple(sorted({to for node in state.nodes for symbol in symbols for to in edges[node].get(symbol, ())}))
        following = None
        if nodes:
            following = self._states.get(nodes)
            if following is None:
                ends, payloads = self._phrases.ends, self.payloads
                accepts = sorted({index for node in nodes for index in ends.get(node, ())})
                following = self._states[nodes] = State(self, nodes, tuple(payloads[index] for index in accepts))
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
            for length in phrases.lengths:
                if length > len(form):
                    break
                stem = phrases.stems.get(form[:length])
                if stem is not None and stem not in found:
                    found.append(stem)
        if word[:1].isalnum():
            found.append(ANY)
        return found


def _longest(state: State[T], words: list[str], at: int, stop: int) -> tuple[int, tuple[T, ...]]:
    """End and payloads of the longest phrase that begins with the word at `at`, which led to this state."""
    best, accepts = (at + 1 if state.accepts else at), state.accepts
    for place in range(at + 1, stop):
        following = state[words[place]]
        if following is None:
            break
        state = following
        if state.accepts:
            best, accepts = place + 1, state.accepts
    return best, accepts
