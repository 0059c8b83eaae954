"""Which parts of a report say the same: renderings of one text, versions, translations (policy 3.4, 5)."""

import re
from collections.abc import Sequence

from emhwatch.carrier.part import TextPart

_WORD = re.compile(r"[^\W_]+")
_STOP = re.compile(r"[.;:!?](?=\s|$)|\n\s*\n")
_LINE_OR_STOP = re.compile(r"[.;:!?](?=\s|$)|\n")
_SHINGLE = 5  #: words
_ALIKE = 0.6  #: share of the shorter text's word sequences that stand in the longer one: one text, edited
_FEWEST = 20  #: words; shorter texts are alike by chance
_VERSIONED = ("presentedForm", "linked")  #: carriers of whole reports


def current(parts: Sequence[TextPart], languages: Sequence[str]) -> tuple[list[TextPart], list[str]]:
    """The parts to read, in order, and the paths of the others."""
    parts, repeated = _one_language(parts, languages)
    kept: list[tuple[TextPart, _Words]] = []
    for part in parts:
        words = _Words(part.text)
        for index, (other, other_words) in enumerate(kept):
            if other_words.holds(words):
                repeated.append(part.path)
                break
            version = _are_versions(part, other) and words.is_alike(other_words)
            if version and part.date < other.date:
                repeated.append(part.path)
                break
            if version or words.holds(other_words):
                repeated.append(other.path)
                kept[index] = (part, words)
                break
        else:
            kept.append((part, words))
    return [part for part, _ in kept], repeated


def _one_language(parts: Sequence[TextPart], languages: Sequence[str]) -> tuple[list[TextPart], list[str]]:
    """Leave out translations, when the parts say which language they are in."""
    stated = {part.path: part.language.lower()[:2] for part in parts if part.language}
    if len(set(stated.values())) < 2:
        return list(parts), []
    chosen = next((code for code in languages if code in stated.values()), next(iter(stated.values())))
    others = [path for path, code in stated.items() if code != chosen]
    return [part for part in parts if part.path not in others], others


def _are_versions(part: TextPart, other: TextPart) -> bool:
    """Whole reports with dates of their own. Without dates nobody knows which is newer: both are read."""
    whole = part.path.startswith(_VERSIONED) and other.path.startswith(_VERSIONED)
    return whole and bool(part.date and other.date) and part.date != other.date


class _Words:
    """A text as its sentences and words, whatever its case, line breaks and punctuation."""

    def __init__(self, text: str) -> None:
        self._by_stops = _sentences(_STOP.split(text))
        self._by_lines = _sentences(_LINE_OR_STOP.split(text))
        self._words = _WORD.findall(text.casefold())

    def holds(self, other: "_Words") -> bool:
        """Every sentence of the other text stands here, as a whole sentence: "mass" is not in "no mass"."""
        mine = self._by_stops | self._by_lines
        return other._by_stops <= mine or other._by_lines <= mine

    def is_alike(self, other: "_Words") -> bool:
        """The same text with some words or sentences changed."""
        if min(len(self._words), len(other._words)) < _FEWEST:
            return False
        mine, theirs = self._shingles(), other._shingles()
        return len(mine & theirs) >= _ALIKE * min(len(mine), len(theirs))

    def _shingles(self) -> set[tuple[str, ...]]:
        words = self._words
        return {tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)}


def _sentences(pieces: Sequence[str]) -> frozenset[str]:
    sentences = (" ".join(_WORD.findall(piece.casefold())) for piece in pieces)
    return frozenset(sentence for sentence in sentences if sentence)
