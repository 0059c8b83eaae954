"""How phrases are written in the tables.

Words; `[a|b c]` alternatives; `(a)` optional; `word*` any word that begins so; `~` up to three words that do not
matter. Brackets may be nested.
"""

import re
from functools import lru_cache

GAP = 3  #: most words that `~` stands for
LIMIT = 400  #: most spellings that one word with brackets may stand for
_FEW = 8  #: alternatives of a phrase that cannot exceed the limit, however they stand
_CLOSING = {"[": "]", "(": ")"}
_BRACKETS = re.compile(r"[\[\]()]")


@lru_cache(maxsize=4096)
def chunks(phrase: str) -> tuple[str, ...]:
    """Parts of a notation between blanks that stand outside brackets.

    Raises:
        ValueError: brackets are not balanced.
    """
    parts: list[str] = []
    open_brackets: list[str] = []
    for piece in phrase.split(" "):
        if open_brackets:
            parts[-1] += " " + piece
        else:
            parts.append(piece)
        for char in _BRACKETS.findall(piece):
            if char in _CLOSING:
                open_brackets.append(_CLOSING[char])
            elif not open_brackets or char != open_brackets.pop():
                raise ValueError(phrase)
    if open_brackets:
        raise ValueError(phrase)
    return tuple(filter(None, parts))


def options(group: str) -> list[str]:
    """Alternatives of a bracket's inside."""
    found, depth, begin = [], 0, 0
    for at, char in enumerate(group):
        depth += (char in "[(") - (char in "])")
        if char == "|" and depth == 0:
            found.append(group[begin:at])
            begin = at + 1
    return [*found, group[begin:]]


def is_group(chunk: str) -> bool:
    """Whether a chunk is one bracket and nothing else."""
    if chunk[0] not in _CLOSING or chunk[-1] != _CLOSING[chunk[0]]:
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
    inner = [text for option in options(chunk[opens + 1 : closes]) for text in spellings(option)]
    if chunk[opens] == "(":
        inner.append("")
    found = [chunk[:opens] + text + rest for text in inner for rest in spellings(chunk[closes + 1 :])]
    if len(found) > LIMIT:
        raise ValueError(chunk)
    return found


def may_be_empty(phrase: str) -> bool:
    """Whether nothing in a phrase has to be there."""
    return all(map(_optional, chunks(phrase)))


def _optional(chunk: str) -> bool:
    if is_group(chunk):
        return chunk[0] == "(" or any(map(may_be_empty, options(chunk[1:-1])))
    if "[" in chunk or "(" in chunk:
        return any(map(may_be_empty, spellings(chunk)))
    return chunk == "~" or not chunk.strip("*")


def check(phrase: str) -> None:
    """Raise ValueError when brackets do not match, nothing has to be there, or a word stands for too much."""
    if may_be_empty(phrase):
        raise ValueError(phrase)
    _check_words(phrase)


def _check_words(phrase: str) -> None:
    if phrase.count("|") + phrase.count("(") <= _FEW:
        return
    for chunk in chunks(phrase):
        if is_group(chunk):
            for option in options(chunk[1:-1]):
                _check_words(option)
        else:
            spellings(chunk)
