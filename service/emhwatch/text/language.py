"""Language of a text, by its function words."""

from emhwatch.tables.text import TextTables

_SAMPLE = 400  #: words looked at, from the middle of the text
_MINIMUM = 2  #: different function words of another language that make a text unsupported


def choose(words: list[str], tables: TextTables) -> str | None:
    """The language of a text of these words; None: another language, or none that could be told.

    When function words are too few, the language whose lexicon knows the words is taken.
    """
    begin = max(0, (len(words) - _SAMPLE) // 2)
    sample = words[begin : begin + _SAMPLE]
    different = set(sample)
    own = {code: len(different & language.function_words) for code, language in tables.languages.items()}
    most = max(own.values(), default=0)
    other = max((len(different & found) for found in tables.foreign.values()), default=0)
    if other >= _MINIMUM and other > most:
        return None
    ties = [code for code, count in own.items() if count == most]
    if most > 0 and len(ties) == 1:
        return ties[0]
    terms = {code: len(tables.languages[code].terms.find(sample, 0, len(sample))) for code in ties}
    likely = max(terms, key=lambda code: terms[code], default=None)
    return likely if likely is not None and (terms[likely] or most) else None
