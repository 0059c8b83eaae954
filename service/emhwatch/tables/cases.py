"""`mappings/cases/`: worked cases beside the tables. Sentences with what they say, and decisions with their answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from emhwatch.tables import keys as key_table
from emhwatch.tables.source import Row, TableFiles
from emhwatch.types import Value

TEXT = "mappings/cases/text/"
DECISION = "mappings/cases/decision/"
#: Sentences that the reader does not answer as the policy says; by name, with the reason.
OPEN = "mappings/cases/open.csv"
#: What a sentence shows of its key; each criterion needs one of every kind.
KINDS = ("affirmed", "denied", "hedged", "historical", "other-person", "trap")
#: Either of the two will do.
_ELSEWHERE = {"other-person": "historical"}
TEXT_COLUMNS = ("name", "key", "kind", "language", "modality", "text", "expect", "why")
ASKED = (
    "age",
    "sex",
    "facts",
    "hb",
    "chart",
    "mass",
    "site",
    "features",
    "biopsy",
    "histology",
    "names_emh",
    "priority",
)
ANSWERS = ("blood", "danger", "supporting", "opposing", "row", "indicator", "tier", "card", "hold")
_MARKS = {"?": Value.POSSIBLE, "-": Value.ABSENT}


@dataclass(frozen=True, slots=True)
class SentenceCase:
    """A report text and the values of keys that it states."""

    name: str
    key: str
    kind: str
    language: str | None
    modality: str | None
    text: str
    expect: Mapping[str, Value]  #: `UNKNOWN`: the text must not state the key
    why: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class DecisionCase:
    """The inputs of one mass, as authored, and the answer; an answer that is empty is not asked."""

    name: str
    title: str
    asked: Mapping[str, str]
    facts: Mapping[str, Value]
    features: Mapping[str, Value]
    hb: tuple[tuple[float, int], ...]  #: g/L, days ago
    chart: tuple[tuple[str, float | None, int], ...]  #: what, value, days ago
    expect: Mapping[str, str]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class CaseTables:
    """All worked cases."""

    sentences: tuple[SentenceCase, ...]
    decisions: tuple[DecisionCase, ...]
    open: Mapping[str, int]  #: name of a sentence that is not answered yet -> line of `open.csv`


def parse(files: TableFiles) -> CaseTables:
    """Read all case files; problems go to `files`."""
    keys = key_table.parse(files).by_key
    sentences = [
        _sentence(files, row, keys) for path in files.under(TEXT, ".csv") for row in files.csv(path, TEXT_COLUMNS)
    ]
    columns = ("name", "title", *ASKED, *ANSWERS)
    decisions = [
        _decision(files, row, keys) for path in files.under(DECISION, ".csv") for row in files.csv(path, columns)
    ]
    seen: set[str] = set()
    every: list[SentenceCase | DecisionCase] = [*sentences, *decisions]
    for case in every:
        if case.name in seen or not case.name:
            files.problem(
                case.file, case.line, case.name, "no name, or the name of another case", "give it its own name"
            )
        seen.add(case.name)
    return CaseTables(tuple(sentences), tuple(decisions), _open(files, {case.name for case in sentences}))


def _open(files: TableFiles, names: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in files.csv(OPEN, ("name", "why"), may_be_empty=True):
        if row["name"] not in names or row["name"] in found:
            files.problem(OPEN, row.line, row["name"], "no such sentence, or twice", "remove the row")
        if not row["why"]:
            files.problem(OPEN, row.line, row["name"], "no reason", "say what is read wrongly")
        found[row["name"]] = row.line
    return found


def _sentence(files: TableFiles, row: Row, keys: Collection[str]) -> SentenceCase:
    if row["kind"] not in KINDS:
        files.problem(row.file, row.line, row["name"], f"unknown kind {row['kind']}", f"use {' '.join(KINDS)}")
    expect: dict[str, Value] = {}
    for word in row.list("expect"):
        name, equals, value = word.rpartition("=")
        name = name if equals else row["key"]
        if value not in list(Value) or name not in keys:
            files.problem(row.file, row.line, row["name"], f"unknown key or value {word}", f"use {' '.join(Value)}")
            continue
        expect[name] = Value(value)
    if not expect or not row["text"] or not row["why"]:
        files.problem(row.file, row.line, row["name"], "text, expect or why is empty", "fill all three")
    return SentenceCase(
        name=row["name"],
        key=row["key"],
        kind=row["kind"],
        language=row["language"] or None,
        modality=row["modality"] or None,
        text=row["text"].replace("\\n", "\n"),
        expect=expect,
        why=row["why"],
        file=row.file,
        line=row.line,
    )


def _decision(files: TableFiles, row: Row, keys: Collection[str]) -> DecisionCase:
    expect = {name: row[name] for name in ANSWERS if row[name]}
    if not expect:
        files.problem(row.file, row.line, row["name"], "no answer", "fill one of the columns after priority")
    return DecisionCase(
        name=row["name"],
        title=row["title"],
        asked={name: row[name] for name in ASKED},
        facts=_values(files, row, "facts", keys),
        features=_values(files, row, "features", keys),
        hb=tuple((value, ago) for _, value, ago in _dated(files, row, "hb") if value is not None),
        chart=tuple(_dated(files, row, "chart")),
        expect=expect,
        file=row.file,
        line=row.line,
    )


def _values(files: TableFiles, row: Row, column: str, keys: Collection[str]) -> dict[str, Value]:
    found = {}
    for word in row.list(column):
        value = _MARKS.get(word[-1]) or _MARKS.get(word[0]) or Value.PRESENT
        key = word.strip("?-")
        if key not in keys:
            files.problem(row.file, row.line, key, "unknown key", "use one of mappings/keys.csv")
        found[key] = value
    return found


def _dated(files: TableFiles, row: Row, column: str) -> list[tuple[str, float | None, int]]:
    """`120@5`, `mcv=68@5`, `transfusion@85`, `blocked`."""
    found: list[tuple[str, float | None, int]] = []
    for word in row.list(column):
        what, _, ago = word.partition("@")
        name, equals, number = what.rpartition("=")
        if column == "hb" or equals:
            try:
                found.append((name, float(number), int(ago or 0)))
            except ValueError:
                files.problem(row.file, row.line, word, "not a value with days", "write for example 120@5")
            continue
        if ago and not ago.isdecimal():
            files.problem(row.file, row.line, word, "no number of days", "write for example transfusion@85")
            continue
        found.append((what, None, int(ago or 0)))
    return found


def check_kinds(files: TableFiles, cases: CaseTables, wanted: Mapping[str, Collection[str]]) -> None:
    """Every criterion (key -> languages that can state it) needs a sentence of each kind; problems go to `files`."""
    have: dict[tuple[str, str | None], set[str]] = {}
    for case in cases.sentences:
        have.setdefault((case.key, case.language), set()).add(_ELSEWHERE.get(case.kind, case.kind))
    needed = {_ELSEWHERE.get(kind, kind) for kind in KINDS}
    for key, languages in sorted(wanted.items()):
        for language in sorted(languages):
            if lacking := sorted(needed - have.get((key, language), set())):
                files.problem(
                    TEXT, 0, key, f"no worked sentence in {language}: {' '.join(lacking)}", "add one to this folder"
                )
