"""Words of a text: folding, splitting, spelling. Tables and report text pass through the same functions.

Folding never changes the length of a text, so an offset into the folded text is an offset into the text as read.
The patterns are character classes with possessive repeats: they cannot backtrack.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

# One group each: `split` of such a pattern gives what lies between the tokens and the tokens in turn.
_ASCII_TOKEN = re.compile(r"([0-9]++(?:[.,][0-9]++)?+|[a-z]++[0-9]*+|[^\sa-z0-9])")
_TOKEN = re.compile(
    r"(\d++(?:[.,]\d++)?+|[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u00ad\u200b-\u200d\ufeff])*+\d*+"
    r"|[^\s\u200b-\u200d\ufeff\u00ad])"
)
# Each begins with the rare sign, which the search skips to.
_JOINT = re.compile(r"['-](?:(?<=[a-z]['-])(?:(?=[a-z])|(?<=-)(?=[ \t]*+\r?\n[ \t]*+[a-z]))|(?<=[0-9]-)(?=[a-z]{3}))")
_TIMES = re.compile(r"[x*](?= ?[0-9])(?:(?<=[0-9][x*])|(?<=[0-9] [x*]))")
_NOT_ASCII = re.compile("[^\x00-\x7f]++")
TIMES = "\u00d7"  #: sign between two diameters after folding
_IGNORED = re.compile("[\u0300-\u036f\u00ad\u200b-\u200d\ufeff]")
_DOUBLED = re.compile(r"(\D)\1++")  #: "thalassemia" and "thalasemia" are one word
_PUNCTUATION = {
    0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x2018: "'", 0x2019: "'", 0x02BC: "'", 0x00B4: "'", 0x201C: '"',
    0x201D: '"', 0x00AB: '"', 0x00BB: '"', 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2014: "-",
    0x2212: "-", 0x00D7: "x", 0x2022: "*", 0x25CF: "*", 0x25AA: "*", 0x00B7: "*", 0x03B2: "b", 0x03B1: "a",
    0x03B4: "d", 0x00DF: "s", 0x0131: "i",
}  # fmt: skip
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0x0153: "oe", 0x00E6: "ae"}


def _fold_table() -> dict[int, str]:
    table = dict(_PUNCTUATION)
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0].lower()  # one letter has no small form of its own
        if base != chr(code):
            table[code] = base
    return table


_FOLD = _fold_table()


def fold(text: str) -> str:
    """Lower case, no accents, plain quotes and dashes; inner hyphens and apostrophes of words become blanks."""
    folded = text.lower()
    if len(folded) != len(text):
        folded = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    if not folded.isascii():
        folded = _NOT_ASCII.sub(_plain, folded)
    if "-" in folded or "'" in folded:
        folded = _JOINT.sub(" ", folded)
    return _TIMES.sub(TIMES, folded)


def _plain(match: "re.Match[str]") -> str:
    return match[0].translate(_FOLD)


@dataclass(frozen=True, slots=True)
class Split:
    """Raw tokens of a folded text with their half-open offsets."""

    words: list[str]
    starts: list[int]
    ends: list[int]


def split(folded: str) -> Split:
    """Words, numbers ("3.2" is one) and single punctuation marks."""
    pattern = _ASCII_TOKEN if folded.isascii() or folded.replace(TIMES, "").isascii() else _TOKEN
    parts = pattern.split(folded)
    edges = list(accumulate(map(len, parts)))
    edges.pop()
    return Split(parts[1::2], edges[::2], edges[1::2])


@dataclass(frozen=True, slots=True)
class Speller:
    """Spelling rules of one language: what makes variants and regular plurals of a word equal."""

    inside: Sequence[tuple[str, str]]
    suffixes: Sequence[tuple[str, str, int]]  #: from, to, least length of the word
    endings: tuple[str, ...]  #: of the suffixes, so that most words are passed over at once

    def respell(self, word: str) -> str:
        """A word or the beginning of one with the spelling rules that hold anywhere in a word."""
        if not word.isascii():
            word = _IGNORED.sub("", word.translate(_LIGATURES))
        if len(word) > 3:
            for old, new in self.inside:
                if old in word:
                    word = word.replace(old, new)
        return word

    def spell(self, word: str) -> str:
        """The one form that all spellings and regular plurals of `word` share."""
        word = self.respell(word)
        if len(word) < 4:
            return word
        if word.endswith(self.endings):
            for old, new, least in self.suffixes:
                if len(word) >= least and word.endswith(old):
                    word = word[: len(word) - len(old)] + new
                    break
        return _DOUBLED.sub(r"\1", word) if len(word) > 6 else word


def spellers(rules: Mapping[str, Sequence[tuple[str, str, str, int]]]) -> dict[str, Speller]:
    """Spellers by language from rows (kind, from, to, least length)."""
    return {
        language: Speller(
            tuple((old, new) for kind, old, new, _ in rows if kind == "inside"),
            tuple((old, new, least) for kind, old, new, least in rows if kind == "suffix"),
            tuple(old for kind, old, _, _ in rows if kind == "suffix"),
        )
        for language, rows in rules.items()
    }
