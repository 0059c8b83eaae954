"""Phrases against keys, in both directions: each phrase has one sense that something reads, each key enough phrases."""

from collections import defaultdict
from collections.abc import Iterable

from emhwatch.tables.notation import chunks, spellings
from emhwatch.tables.readings import ReadingRules
from emhwatch.tables.source import TableFiles
from emhwatch.tables.text import LEXICON, TextTables

CONTEXT = "mappings/text/context.csv"
FEW = "mappings/text/few_phrases.csv"
#: Wordings that a key of an imaging report needs in each language, unless `few_phrases.csv` says why there are fewer.
ENOUGH = 10
#: Kinds of rules whose keys an imaging report describes; the others are the patient's history.
_SEEN = ("finding", "context", "twin", "diagnosis")


def wordings(notation: str) -> set[str]:
    """All plain texts of a phrase in the notation of `tables/phrases.py`."""
    found = {""}
    for chunk in chunks(notation):
        found = {f"{before} {text}".strip() for before in found for text in spellings(chunk)}
    return found


def check(files: TableFiles, text: TextTables) -> None:
    """All checks; problems go to `files`."""
    said: dict[tuple[str, str], set[str]] = {}
    for place, phrases in text.authored.items():
        said[place] = {words for phrase in phrases for words in wordings(phrase)}
    _one_sense(files, text.rules, said)
    _all_read(files, text.rules, {term for _, term in said})
    _enough(files, text, said)


def _one_sense(files: TableFiles, rules: ReadingRules, said: dict[tuple[str, str], set[str]]) -> None:
    """No wording may stand under two terms that set different keys whatever stands beside them."""
    sets = {
        anchor: frozenset(rule.key for rule in found if not rule.need and rule.key in rules.policy)
        for anchor, found in rules.by_anchor.items()
    }
    terms: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (language, term), texts in said.items():
        if sets.get(term):
            for words in texts:
                terms[language, words].append(term)
    for (language, words), found in sorted(terms.items()):
        if len({sets[term] for term in found}) > 1:
            files.problem(
                f"{LEXICON}/{language}/", 0, words, f"the phrase stands under {' and '.join(sorted(found))}, two keys",
                "keep it under one",
            )  # fmt: skip


def _all_read(files: TableFiles, rules: ReadingRules, terms: Iterable[str]) -> None:
    """A term leads to a key, guards another phrase, or is listed as context."""
    listed = {row["term"]: row for row in files.csv(CONTEXT, ("term", "why"))}
    for term, row in listed.items():
        if not row["why"]:
            files.problem(CONTEXT, row.line, term, "no reason", "say why the phrases are kept")
        if term in rules.read_terms or term not in terms:
            files.problem(CONTEXT, row.line, term, "the term is used, or not there", "remove the row")
    for term in sorted({*terms} - rules.read_terms - {*listed}):
        files.problem(f"{LEXICON}/", 0, term, "nothing reads this term", f"use it, or list it in {CONTEXT}")


def _enough(files: TableFiles, text: TextTables, said: dict[tuple[str, str], set[str]]) -> None:
    listed = {(row["key"], row["language"]): row for row in files.csv(FEW, ("key", "language", "why"))}
    for row in listed.values():
        if not row["why"]:
            files.problem(FEW, row.line, row["key"], "no reason", "say why the language has no more")
    for key in sorted(_seen(text.rules)):
        terms = text.rules.terms_of(key)
        for language in text.languages:
            count = len({words for term in terms for words in said.get((language, term), ())})
            few = listed.pop((key, language), None)
            if count < ENOUGH and few is None:
                files.problem(
                    f"{LEXICON}/{language}/", 0, key, f"{count} of {ENOUGH} phrases", f"add some, or a row of {FEW}"
                )
            elif count >= ENOUGH and few is not None:
                files.problem(FEW, few.line, key, "there are enough phrases", "remove the row")
    for row in listed.values():
        files.problem(FEW, row.line, row["key"], "no key that a report describes, or no language", "remove the row")


def _seen(rules: ReadingRules) -> set[str]:
    found = {rule.key for rules_of in rules.by_anchor.values() for rule in rules_of if rule.kind in _SEEN}
    found |= {rule.denied for rules_of in rules.by_anchor.values() for rule in rules_of if rule.kind in _SEEN}
    return (found | {*rules.follows} | {site.key for site in rules.sites.values()}) & rules.keys
