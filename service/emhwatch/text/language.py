"""Language of a text, by its function words."""

from emhwatch.tables.text import TextTables
from emhwatch.tables.words import fold, split

_SAMPLE = 2_000  #: words looked at
_MINIMUM = 2  #: function words of another language that are needed to call a text unsupported


def detect(text: str, tables: TextTables) -> str | None:
    """A supported language, or None: another language, or none that could be told."""
    return choose(split(fold(text[: _SAMPLE * 8])).words[:_SAMPLE], tables)


def choose(words: list[str], tables: TextTables) -> str | None:
    """The language of these words; when function words are too few, the one whose terms are found."""
    own = {code: _count(words, language.function_words) for code, language in tables.languages.items()}
    best = max(own, key=lambda code: own[code], default=None)
    if best is None:
        return None
    other = max((_count(words, found) for found in tables.foreign.values()), default=0)
    if other >= _MINIMUM and other > own[best]:
        return None
    ties = [code for code in own if own[code] == own[best]]
    if own[best] > 0 and len(ties) == 1:
        return best
    terms = {code: len(tables.languages[code].terms.find(words, 0, len(words))) for code in ties}
    likely = max(terms, key=lambda code: terms[code])
    return likely if terms[likely] or own[best] else None


def _count(words: list[str], known: frozenset[str]) -> int:
    return sum(word in known for word in words)
