"""Our phrases written out, so that other tools look for the same words."""

from collections.abc import Iterator
from itertools import islice, product

from emhwatch.tables.notation import chunks, is_group, options, spellings
from emhwatch.tables.text import TextTables

MOST = 100  #: ways to write one phrase that are handed on


def targets(tables: TextTables, language: str, words: frozenset[str]) -> dict[str, str]:
    """Phrases that set a key alone to the keys, divided by `|`. A stem stands for those of `words` that begin so."""
    keys: dict[str, set[str]] = {}
    for key in sorted(tables.keys):
        for notation in tables.phrases(key).get(language, ()):
            for written in islice(_written(notation, words), MOST):
                keys.setdefault(written, set()).add(key)
    return {written: "|".join(sorted(found)) for written, found in keys.items()}


def _written(phrase: str, words: frozenset[str]) -> Iterator[str]:
    """Ways to write a phrase, without the signs of the notation; a gap is left out."""
    for way in product(*[list(_ways(chunk, words)) for chunk in chunks(phrase)]):
        if written := " ".join(filter(None, way)):
            yield written


def _ways(chunk: str, words: frozenset[str]) -> Iterator[str]:
    if is_group(chunk):
        for option in options(chunk[1:-1]):
            yield from _written(option, words)
        if chunk[0] == "(":
            yield ""
        return
    for word in spellings(chunk):
        if word.endswith("*"):
            yield from sorted(found for found in words if found.startswith(word[:-1].lower()))
        else:
            yield "" if word == "~" else word.lower()
