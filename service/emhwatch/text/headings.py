"""Headings of sections, and labels of a line ("Spleen: enlarged")."""

from emhwatch.tables.text import Language
from emhwatch.types import Section

_TOPIC_WORDS = 7  #: words of a label at most
_HEADING_WORDS = 6  #: words of a heading at most


def heading_at(
    text: str, words: list[str], starts: list[int], ends: list[int], at: int, last: int, hard: bool, language: Language
) -> tuple[Section, int] | None:
    """The section that begins at token `at`, and the token after the heading."""
    if at >= last or not language.headings.opens(words[at]):
        return None
    found = language.headings.find(words, at, min(at + _HEADING_WORDS, last))
    if not found or found[0][0] != at:
        return None
    _, end, (name, *_) = found[0]
    rest = end
    while rest < last and rest < end + 8 and words[rest] in '*#_".':
        rest += 1
    capitals = text[starts[at] : ends[end - 1]].isupper() and ends[end - 1] - starts[at] > 2
    if rest < last and words[rest] == "(":  # "ADDENDUM (day 3):"
        rest = _after_bracket(words, rest, last)
    if rest < last and words[rest] in ("#", *"0123456789"):
        rest += 1
    if rest >= last:
        return (name, last) if hard else None
    if words[rest] == ":":
        return name, _skip(words, rest + 1, last)
    if words[rest] == "-" and (hard or capitals) and rest + 1 < last and starts[rest] > ends[rest - 1]:
        return name, rest + 1
    if capitals and hard and not _next_capitals(text, starts, ends, rest):
        return name, rest
    if hard and words[rest - 1] == "." and rest > end:
        return name, rest
    return None


def _after_bracket(words: list[str], at: int, last: int) -> int:
    for index in range(at, min(at + 8, last)):
        if words[index] == ")":
            return index + 1
    return at


def _skip(words: list[str], at: int, last: int) -> int:
    while at < last and words[at] in "*_#":
        at += 1
    return at


def _next_capitals(text: str, starts: list[int], ends: list[int], at: int) -> bool:
    return ends[at] - starts[at] > 2 and text[starts[at] : ends[at]].isupper()


def labelled(
    text: str, words: list[str], starts: list[int], ends: list[int], at: int, last: int
) -> list[tuple[int, tuple[int, int] | None, int]]:
    """Parts of a statement that begin with a label of their own: "Spleen: enlarged", "PLAN: await results"."""
    if ":" not in words[at:last]:
        return [(at, None, last)]
    colon = words.index(":", at, last)
    parts: list[tuple[int, tuple[int, int] | None, int]] = []
    begin, label = at, None
    while colon < last:
        start = _label_start(text, words, starts, ends, begin, colon)
        if start is not None:
            if start > begin:
                parts.append((begin, label, start))
            begin, label = start, (start, colon)
        try:
            colon = words.index(":", colon + 1, last)
        except ValueError:
            break
    parts.append((begin, label, last))
    return parts


def _label_start(text: str, words: list[str], starts: list[int], ends: list[int], begin: int, colon: int) -> int | None:
    """First token of a label that ends at a colon, or None when the words before it are a sentence."""
    if colon - begin <= _TOPIC_WORDS and colon > begin and "," not in words[begin:colon]:
        return begin
    start = colon
    while (start > begin and text[starts[start - 1] : ends[start - 1]].isupper()) or (
        start > begin and start < colon and words[start - 1] in "/&()" and start - 1 > begin
    ):
        start -= 1
    if colon - start >= 1 and ends[colon - 1] - starts[start] >= 4:
        return start
    return None
