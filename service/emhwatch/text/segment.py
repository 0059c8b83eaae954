"""Sections and sentences of a report. Independent of line wrapping; offsets are code points into the text as read."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from emhwatch.model.reading import SectionSpan
from emhwatch.tables.text import Language
from emhwatch.tables.words import Split, fold, split
from emhwatch.text.headings import heading_at, labelled
from emhwatch.types import Section

_MARKER = re.compile(r"[ \t]*+(?:[-*>#]++(?=[ \t])|\(?[0-9]{1,2}+[.)](?![0-9])|[a-h][.)](?=[ \t]))[ \t]*+")
_BLANK_LINE = re.compile(r"(?:\r\n|\n|\r)[ \t]*+(?:\r\n|\n|\r)")
_DECORATION = frozenset('*#-_=>+.|"')
_ENDERS = frozenset(".!?;")
_LINE_FLOOR = 34  #: shorter lines are never taken for wrapped ones
_WRAP_FLOOR = 60  #: the same before a capital letter
_LONGEST = 150  #: words of a statement, which then ends at a comma


class Sentence(NamedTuple):
    """Tokens `start` to `end` of one statement; `topic` ends the label before a colon ("Spleen:")."""

    start: int
    end: int
    section: Section
    topic: tuple[int, int] | None  #: tokens of the label in force, also of an earlier sentence of the same line
    paragraph: int


_BEFORE_FINDINGS = frozenset((Section.REQUEST, Section.COMPARISON, Section.TECHNIQUE))


@dataclass(frozen=True, slots=True)
class Layout:
    """A text, its tokens and how it is divided."""

    text: str
    words: list[str]
    starts: list[int]
    ends: list[int]
    sections: tuple[SectionSpan, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as read, folded, and its tokens."""

    text: str
    folded: str
    split: Split


def tokens_of(text: str) -> Tokens:
    """Fold and split a text."""
    folded = fold(text)
    return Tokens(text, folded, split(folded))


def lay_out(read: Tokens, language: Language, section: Section | None = None) -> Layout:
    """Divide a report. `section` names the section of a text without headings."""
    text, folded, tokens = read.text, read.folded, read.split
    words, starts, ends = tokens.words, tokens.starts, tokens.ends
    sentences: list[Sentence] = []
    spans: list[SectionSpan] = []
    current = section or Section.FINDINGS
    opened = 0
    topic: tuple[int, int] | None = None
    organs = language.lists["organs"]
    paragraph = 0
    statements = _statements(text, folded, words, starts, ends, language)
    bodies = [_body(words, first, last) for first, last, _ in statements]
    titles = [
        heading_at(text, words, starts, ends, at, last, hard, language)
        for at, (_, last, hard) in zip(bodies, statements, strict=True)
    ]
    last_findings = max((at for at, title in enumerate(titles) if title and title[0] is Section.FINDINGS), default=-1)
    for number, (_, last, hard) in enumerate(statements):
        if hard:
            topic = None
            paragraph += 1
        at, heading = bodies[number], titles[number]
        if heading is None and current in _BEFORE_FINDINGS and number > last_findings and at < last:
            before = sentences[-1] if sentences else None
            if before and starts[before.start] >= opened:  # the section has said something
                blank = _BLANK_LINE.search(text, ends[before.end - 1], starts[at]) is not None
                if _opens_findings(current, hard, blank, words[at], language):
                    heading = Section.FINDINGS, at
        if heading is not None:
            name, body = heading
            if starts[at] > opened and (spans or sentences):
                spans.append(SectionSpan(current, opened, starts[at]))
            opened = starts[at] if spans or sentences else 0
            current, topic, at = name, None, body
        for begin, label, end in labelled(text, words, starts, ends, at, last):
            if label is not None:
                topic = label
                if current in _BEFORE_FINDINGS and not organs.isdisjoint(words[label[0] : label[1]]):
                    # "Hx: cough. Lungs: clear." has no heading where the findings begin.
                    spans.append(SectionSpan(current, opened, starts[label[0]]))
                    opened, current = starts[label[0]], Section.FINDINGS
            if end > begin:
                sentences.append(Sentence(begin, end, current, topic, paragraph))
    if words:
        spans.append(SectionSpan(current, opened, len(text)))
    return Layout(text, words, starts, ends, tuple(spans), tuple(sentences))


def _opens_findings(current: Section, hard: bool, blank: bool, word: str, language: Language) -> bool:
    """Whether a statement begins the findings of a report that has no heading for them.

    It does after a blank line, after the line of a technique or comparison, or with "There is".
    """
    return (hard and (blank or current is not Section.REQUEST)) or word in language.lists["openers"]


def _body(words: list[str], first: int, last: int) -> int:
    """The token at which a statement begins behind its bullet or number."""
    at = first
    while at < last and words[at] in _DECORATION and not _negative_mark(words, at, last):
        at += 1
    if at + 1 < last and words[at].isdigit() and words[at + 1] in ".)" and words[at + 1]:
        at += 2
    return at


def _negative_mark(words: list[str], at: int, last: int) -> bool:
    return words[at] == "." and at + 1 < last and words[at + 1].isdigit()


def _statements(
    text: str, folded: str, words: list[str], starts: list[int], ends: list[int], language: Language
) -> list[tuple[int, int, bool]]:
    """Token ranges of statements; True when it begins on a new line that is no wrapped one."""
    breaks = _hard_breaks(text, folded, language) if "\n" in text or "\r" in text or "\\." in text else []
    opened = {bisect_left(starts, line) for line in breaks}
    statements = []
    first, hard = 0, True
    count = len(words)
    opened.add(count)
    for index in sorted(opened.union([at for at, word in enumerate(words) if word in _ENDERS])):
        while index - first > _LONGEST and (cut := _cut(words, first, index)):
            statements.append((first, cut, hard))
            first, hard = cut, False
        if index in opened:
            if index > first:
                statements.append((first, index, hard))
            first, hard = index, True
        if index < count and _ends(words, starts, ends, first, index, language.abbreviations):
            statements.append((first, index + 1, hard))
            first, hard = index + 1, False
    return statements


def _cut(words: list[str], first: int, last: int) -> int | None:
    """Where a statement that is too long is divided, which bounds the work for each."""
    limit = first + 2 * _LONGEST
    for at in range(first + _LONGEST, min(last, limit)):
        if words[at] == ",":
            return at + 1
    return limit + 1 if last > limit else None


def _ends(
    words: list[str], starts: list[int], ends: list[int], first: int, index: int, abbreviations: frozenset[str]
) -> bool:
    """Whether the sign at `index` ends the statement that begins at `first`."""
    word, after = words[index], index + 1
    if word not in _ENDERS:
        return False
    if index - first >= 2 * _LONGEST:
        return True
    touched = after < len(words) and starts[after] == ends[index]
    if touched and words[after] not in "\"')]*":
        return False
    if word == ".":
        return index == first or not _abbreviated(words, index, first, abbreviations)
    # ", ? lymphoma" asks for what follows.
    return word != "?" or (index > first and not touched and words[index - 1] != ",")


def _abbreviated(words: list[str], index: int, first: int, abbreviations: frozenset[str]) -> bool:
    before = words[index - 1]
    if before in abbreviations:
        return index + 1 < len(words)
    if len(before) == 1 and before.isalpha():
        return index - 1 > first
    return before.isdigit() and index - 1 == first


def _hard_breaks(text: str, folded: str, language: Language) -> list[int]:
    """Offsets of lines that begin a new statement."""
    lines: list[tuple[int, int]] = []
    at = 0
    source = folded.replace("\\.br\\", "\n    ") if "\\.br\\" in folded else folded
    for raw in source.splitlines(keepends=True):
        lines.append((at, at + len(raw)))
        at += len(raw)
    widest = max((len(source[a:b].rstrip()) for a, b in lines), default=0)
    breaks = []
    before = ""
    for start, stop in lines:
        line = source[start:stop].strip()
        if not line:
            if before:
                breaks.append(stop)
            before = ""
            continue
        if (before and not _wrapped(text[start:stop].lstrip(), line, before, widest, language)) or not before:
            breaks.append(start)
        before = line
    return breaks


def _wrapped(raw: str, line: str, before: str, widest: int, language: Language) -> bool:
    """Whether a line goes on with the statement of the line before it."""
    if _MARKER.match(raw):
        return False
    head = line.split(None, 1)[0]
    if head.endswith(":"):
        return False
    tail = before.rsplit(None, 1)[-1]
    if tail[-1] in ".:!?;" and not (tail[-1] == "." and tail[:-1] in language.abbreviations):
        return False
    if tail in language.open_ends or tail[-1] in ",(-/" or (raw[:1].islower() and head in language.goes_on):
        return True
    fits = len(before) + 1 + len(head)
    if raw[:1].isupper():
        return fits > max(widest, _WRAP_FLOOR)
    return fits > min(max(widest, _LINE_FLOOR), 100) or len(before) > 45


def sentence_at(layout: Layout, start: int, end: int) -> tuple[Sentence, int, int]:
    """The sentence that holds a span, and the span's tokens; a span in a heading is a sentence of its own."""
    first = bisect_left(layout.ends, start + 1)
    last = max(bisect_left(layout.starts, end), first + 1)
    for sentence in layout.sentences:
        if sentence.start <= first < sentence.end:
            return sentence, first, min(last, sentence.end)
    section = next((span.name for span in reversed(layout.sections) if span.start <= start), Section.OTHER)
    first = min(first, len(layout.words))
    last = min(last, len(layout.words))
    return Sentence(first, last, section, None, 0), first, last
