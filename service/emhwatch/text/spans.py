"""Judges a given span, whatever it names: `emhwatch read --spans`, and how the engine is compared with others."""

from dataclasses import dataclass

from emhwatch.tables.text import Language, TextTables
from emhwatch.text.assertion import Assertion, find_cues, judge
from emhwatch.text.language import choose
from emhwatch.text.segment import Layout, Sentence, lay_out, sentence_at, tokens_of
from emhwatch.types import Certainty, Experiencer, Section, Temporality

#: Temporality in the three words of the command line.
TIMES = {
    Temporality.CURRENT: "current",
    Temporality.HISTORICAL: "historical",
    Temporality.RESOLVED: "historical",
    Temporality.PLANNED: "hypothetical",
    Temporality.HYPOTHETICAL: "hypothetical",
}


@dataclass(frozen=True, slots=True)
class SpanReading:
    """What a report says about one span."""

    certainty: Certainty
    temporality: Temporality
    experiencer: Experiencer
    assertion: Assertion


def read_span(
    text: str, start: int, end: int, tables: TextTables, *, section: Section | None = None, language: str | None = None
) -> SpanReading:
    """Judge the code points `start` to `end` of a text. A language that is not supported is read as the first one."""
    tokens = tokens_of(text)
    code = language if language in tables.languages else choose(tokens.split.words, tables)
    chosen = tables.languages.get(code or "") or next(iter(tables.languages.values()))
    layout = lay_out(tokens, chosen, section)
    sentence, first, last = sentence_at(layout, start, end)
    return _in_section(judge_words(layout, sentence, chosen, first, last), sentence.section)


def judge_words(layout: Layout, sentence: Sentence, language: Language, first: int, last: int) -> Assertion:
    """Judge the tokens `first` to `last` of a sentence."""
    cues = find_cues(language, layout.words, sentence.start, sentence.end)
    return judge(language, layout.words, cues, first, last, (sentence.start, sentence.end))


def _in_section(assertion: Assertion, section: Section) -> SpanReading:
    temporality = assertion.temporality
    if section is Section.COMPARISON and temporality is Temporality.CURRENT:
        temporality = Temporality.HISTORICAL
    certainty = assertion.certainty
    if temporality is Temporality.RESOLVED:
        certainty = Certainty.NEGATED
    elif certainty is Certainty.AFFIRMED and "unassessed" in assertion.effects:
        certainty = Certainty.HEDGED
    return SpanReading(certainty, temporality, assertion.experiencer, assertion)
