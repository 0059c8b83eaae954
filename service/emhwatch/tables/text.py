"""`terminology/lexicon/` and `mappings/text/`: how reports are read.

A language is a folder of each: words and spelling there, cues and headings here. A missing or empty table of a
language is a problem at load: it would silently switch negation off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from emhwatch.tables import readings
from emhwatch.tables.meanings import Meanings
from emhwatch.tables.phrases import Matcher, Phrases
from emhwatch.tables.readings import ReadingRules
from emhwatch.tables.source import Row, TableFiles
from emhwatch.tables.words import Speller, fold, spellers, split
from emhwatch.types import Section

LEXICON = "terminology/lexicon"
MAPPINGS = "mappings/text"
EFFECTS = frozenset(
    """negated hedged leading historical resolved planned hypothetical question other general unassessed affirmed
    normal changed cause verb stop weak-stop np-stop pseudo""".split()  # noqa: SIM905 - words are easier to read
)
LISTS = (
    "openers",
    "ordinal_endings",
    "conjunctions",
    "additions",
    "finite",
    "splits",
    "joints",
    "inside",
    "plural_pointers",
    "closers",
    "concessions",
    "results",
    "weighting",
    "between",
    "organs",
)
DIRECTIONS = frozenset(("forward", "backward", "closing", "both", "subject"))
REQUIRED = frozenset(("negated", "hedged", "historical", "hypothetical", "other", "general", "stop"))
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CueRow:
    """A cue: what it does to statements before or after it, and how far (in words; 0 = to the end of its clause).

    `closing`: it reaches back only when it ends its clause ("effusion is likely", not "opacity is likely atelectasis").
    `subject`: it reaches forward and spares what stands within ("neither mass contains fat": there are masses).
    """

    id: str
    effect: str
    forward: bool
    backward: bool
    closing: bool
    reach: int
    subject: bool = False


@dataclass(frozen=True, slots=True)
class Language:
    """All tables of one language."""

    code: str
    function_words: frozenset[str]
    abbreviations: frozenset[str]
    open_ends: frozenset[str]  #: words after which a line goes on
    goes_on: frozenset[str]  #: words that begin no statement
    terms: Matcher[str]
    cues: Matcher[CueRow]
    headings: Matcher[Section]
    ordinals: Mapping[str, int]  #: "ninth" -> 9
    level_regions: Mapping[str, str]  #: "dorsal" -> "T"
    level_words: frozenset[str]  #: words that stand before a level
    range_words: frozenset[str]
    sequence_words: frozenset[str]  #: beside them T1 and T2 are MRI weightings
    lengths: Mapping[str, float]  #: unit -> millimetres
    lists: Mapping[str, frozenset[str]]  #: named lists of function words, see `LISTS`
    size_words: frozenset[str]  #: words between two diameters
    copula: str  #: the word that the colon of a label stands for: "is"


@dataclass(frozen=True, slots=True, eq=False)
class TextTables:
    """How reports are read."""

    languages: Mapping[str, Language]
    foreign: Mapping[str, frozenset[str]]
    rules: ReadingRules
    meanings: Meanings
    authored: Mapping[tuple[str, str], tuple[str, ...]]  #: (language, term) -> phrases as authored

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the policy that a text can set."""
        return self.rules.keys

    def phrases(self, key: str) -> dict[str, tuple[str, ...]]:
        """Language -> notations of the phrases that can set a key."""
        terms = self.rules.terms_of(key)
        found = {}
        for code in self.languages:
            phrases = tuple(p for term in terms for p in self.authored.get((code, term), ()))
            if phrases:
                found[code] = phrases
        return found


def parse(files: TableFiles) -> TextTables:
    """Read and check all tables of the reader; problems go to `files`."""
    languages = {}
    authored: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in files.under(f"{LEXICON}/", "/language.toml"):
        code = path.split("/")[-2]
        languages[code] = _language(code, files, authored)
    foreign = {
        code: frozenset(split(fold(str(words))).words) for code, words in files.toml(f"{LEXICON}/foreign.toml").items()
    }
    known = frozenset(term for language in languages.values() for term in language.terms.payloads)
    rules = readings.parse(files, known)
    return TextTables(languages, foreign, rules, Meanings(rules), authored)


def _language(code: str, files: TableFiles, authored: dict[tuple[str, str], tuple[str, ...]]) -> Language:
    path = f"{LEXICON}/{code}/language.toml"
    settings = files.toml(path)
    speller = spellers({code: [tuple(rule) for rule in settings.get("spelling", [])]})[code]
    joined = tuple(str(settings.get("joined", "")).split())
    terms: Phrases[str] = Phrases(speller, joined)
    for file in files.under(f"{LEXICON}/{code}/", ".csv"):
        for row in files.csv(file, ("term", "phrase")):
            _add(terms, row, row["term"], files)
            place = (code, row["term"])
            authored[place] = authored.get(place, ()) + tuple(row["phrase"].split(";"))
    return Language(
        code,
        _words(settings, "function_words", path, files),
        _words(settings, "abbreviations", path, files),
        _words(settings, "open_ends", path, files),
        _words(settings, "goes_on", path, files),
        Matcher(terms),
        Matcher(_cues(code, speller, joined, files)),
        Matcher(_headings(code, speller, joined, files)),
        {fold(str(word)): int(number) for word, number in settings.get("ordinals", {}).items()},
        {fold(str(word)): str(letter) for word, letter in settings.get("level_regions", {}).items()},
        _words(settings, "level_words", path, files),
        _words(settings, "range_words", path, files),
        _words(settings, "sequence_words", path, files),
        {fold(str(unit)): float(factor) for unit, factor in settings.get("lengths", {}).items()},
        {name: _words(settings.get("lists", {}), name, path, files) for name in LISTS},
        _words(settings, "size_words", path, files),
        _word(settings, "copula", path, files),
    )


def _word(settings: Mapping[str, Any], name: str, path: str, files: TableFiles) -> str:
    return next(iter(_words(settings, name, path, files)), "")


def _words(settings: Mapping[str, Any], name: str, path: str, files: TableFiles) -> frozenset[str]:
    words = frozenset(split(fold(str(settings.get(name, "")))).words)
    if not words:
        files.problem(path, 0, name, "missing or empty", "list the words")
    return words


def _cues(code: str, speller: Speller, joined: tuple[str, ...], files: TableFiles) -> Phrases[CueRow]:
    path = f"{MAPPINGS}/{code}/cues.csv"
    cues: Phrases[CueRow] = Phrases(speller, joined)
    effects = set()
    for row in files.csv(path, ("id", "effect", "direction", "reach", "phrase")):
        effects.add(row["effect"])
        if row["effect"] not in EFFECTS:
            files.problem(path, row.line, row["id"], "unknown effect", f"use one of {' '.join(sorted(EFFECTS))}")
        if row["direction"] not in DIRECTIONS:
            files.problem(
                path, row.line, row["id"], "unknown direction", "use forward, backward, closing, both or subject"
            )
        if not row["reach"].isdecimal():
            files.problem(path, row.line, row["id"], "reach is no number", "give a number of words, 0 = the clause")
            continue
        cue = CueRow(
            row["id"],
            row["effect"],
            row["direction"] in ("forward", "both", "subject"),
            row["direction"] in ("backward", "closing", "both"),
            row["direction"] == "closing",
            int(row["reach"]),
            row["direction"] == "subject",
        )
        _add(cues, row, cue, files)
    if missing := REQUIRED - effects:
        files.problem(path, 0, " ".join(sorted(missing)), "no cue of this effect", "add cues: without them it is off")
    return cues


def _headings(code: str, speller: Speller, joined: tuple[str, ...], files: TableFiles) -> Phrases[Section]:
    path = f"{MAPPINGS}/{code}/headings.csv"
    headings: Phrases[Section] = Phrases(speller, joined)
    for row in files.csv(path, ("section", "phrase")):
        if row["section"] not in set(Section):
            files.problem(path, row.line, row["section"], "unknown section", f"use one of {' '.join(Section)}")
            continue
        _add(headings, row, Section(row["section"]), files)
    return headings


def _add(phrases: Phrases[T], row: Row, payload: T, files: TableFiles) -> None:
    try:
        phrases.add(row["phrase"], payload)
    except ValueError as error:
        files.problem(row.file, row.line, str(error), "not a phrase", "check brackets, and that it is not empty")
