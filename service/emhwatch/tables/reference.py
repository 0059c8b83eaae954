"""One page per criterion, for the person who owns it: definition, weight, phrases, codes, worked cases, evidence."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from emhwatch.tables import evidence
from emhwatch.tables.build import LICENSED
from emhwatch.tables.cases import CaseTables, SentenceCase
from emhwatch.tables.codes import CodeEntry
from emhwatch.tables.evidence import Evidence
from emhwatch.tables.keys import Key
from emhwatch.tables.load import TableSet
from emhwatch.tables.source import TableFiles

FOLDER = "mappings/REFERENCE/"
_MADE = "Made by `emhwatch tables build`; change the tables, not this page.\n"
#: Groups of policy 17 in words, in the order of the index.
_GROUPS = {
    "A": "The mass and its place", "B1": "Diseases known to cause it", "B2": "Grounds of chronic anemia",
    "B3": "Other causes of anemia", "B?": "Suspected anemia", "Bx": "Context of the blood side", "C": "Supporting",
    "D": "Opposing", "G": "Danger", "H": "Histology", "E": "Named by the report", "R": "Rival diagnoses",
    "X": "Context, weight 0", "N": "General statements, never a finding",
}  # fmt: skip


def pages(files: TableFiles, tables: TableSet, cases: CaseTables) -> dict[str, str]:
    """All pages by path: an index and one page per key."""
    reasons = evidence.parse(files, tables.keys.by_key)
    coded: dict[str, list[CodeEntry]] = defaultdict(list)
    for entry in tables.codes.entries():
        for key in dict.fromkeys((*entry.keys, *((entry.rival,) if entry.rival else ()))):
            coded[key].append(entry)
    sentences: dict[str, list[SentenceCase]] = defaultdict(list)
    for case in cases.sentences:
        sentences[case.key].append(case)
    found = {f"{FOLDER}README.md": _index(tables)}
    for key in tables.keys.by_key.values():
        parts = [
            _head(key),
            _weights(key.key, tables),
            _reason(reasons.get(key.key)),
            _phrases(tables.text.phrases(key.key)),
            _codes(coded[key.key], tables),
            _cases(sentences[key.key], cases.open),
        ]
        found[f"{FOLDER}{key.key}.md"] = "\n".join(part for part in parts if part)
    return found


def _index(tables: TableSet) -> str:
    lines = ["# Reference of the criteria\n", _MADE]
    for group, title in _GROUPS.items():
        lines += [f"\n## {title} ({group})\n"]
        lines += [
            f"- [{key.label}]({key.key}.md) `{key.key}`"
            for key in tables.keys.by_key.values()
            if key.groups[0] == group
        ]
    return "\n".join(lines) + "\n"


def _head(key: Key) -> str:
    groups = ", ".join(_GROUPS[group].lower() for group in key.groups)
    roles = f" Roles in the decision: {', '.join(sorted(key.roles))}." if key.roles else ""
    of = "one mass" if key.of_mass else "the patient"
    return f"# {key.label}\n\n`{key.key}` · {groups} · of {of}\n\n{_MADE}\n{key.definition}.{roles}\n"


def _weights(key: str, tables: TableSet) -> str:
    lines = []
    for rule in tables.decision.scores.supporting:
        if key in rule.keys:
            need = f" ({rule.count} of the list)" if rule.count > 1 else ""
            silent = f", not with {', '.join(rule.silent_if)}" if rule.silent_if else ""
            lines.append(f"{rule.points} for EMH{need}, group {rule.group} (at most {rule.cap}){silent}")
    for opposing in tables.decision.scores.opposing:
        if key == opposing.key:
            major = ", major" if opposing.points >= tables.decision.constants["major_points"] else ""
            reduced = f", {opposing.reduced} when reduced" if opposing.reduced != opposing.points else ""
            others = [*opposing.silent_if_present, *(f"{other} (also possible)" for other in opposing.silent_if_hinted)]
            silent = f", not with {', '.join(others)}" if others else ""
            lines.append(f"{opposing.points} against EMH{major}{reduced}{silent}")
    lines += [
        f"grade {ground.grade}: {ground.words}"
        for ground in tables.decision.grades.grounds
        if any(key in atom.keys for atom in ground.needs)
    ]
    return "## Weight\n\n" + "\n".join(f"- {line}" for line in lines) + "\n" if lines else ""


def _reason(reason: Evidence | None) -> str:
    if reason is None:
        return ""
    cites = f" ({', '.join(reason.cites)})" if reason.cites else ""
    return f"## Evidence\n\n{reason.why}{cites}, see [evidence](../policy/evidence.md).\n"


def _phrases(phrases: Mapping[str, Iterable[str]]) -> str:
    lines = [f"- {language}: {'; '.join(listed)}" for language, listed in sorted(phrases.items()) if listed]
    return "## Phrases\n\n" + "\n".join(lines) + "\n" if lines else ""


def _codes(entries: list[CodeEntry], tables: TableSet) -> str:
    if not entries:
        return ""
    systems = tables.codes.systems.by_key
    open_entries = [entry for entry in entries if entry.system != LICENSED]
    apart = len(entries) - len(open_entries)
    lines = ["## Codes\n", "| system | code | text | concept |", "|---|---|---|---|"]
    if apart:
        lines.insert(1, f"{apart} of {systems[LICENSED].title} stand in `terminology/codes/{LICENSED}/`.\n")
    for entry in sorted(open_entries, key=lambda e: (e.system, e.code)):
        text = (entry.display or "").replace("|", "\\|")
        lines.append(f"| {systems[entry.system].title} | {entry.code} | {text} | {entry.concept} |")
    return "\n".join(lines) + "\n"


def _cases(cases: list[SentenceCase], not_answered: Collection[str]) -> str:
    if not cases:
        return ""
    lines = ["## Worked cases\n", "| case | text | value | why |", "|---|---|---|---|"]
    for case in cases:
        values = ", ".join(v if k == case.key else f"{k} {v}" for k, v in case.expect.items())
        text = case.text.replace("\n", " / ").replace("|", "\\|")
        kind = f"{case.kind}, not answered yet" if case.name in not_answered else case.kind
        lines.append(f"| {case.name} ({kind}) | {text} | {values} | {case.why} |")
    return "\n".join(lines) + "\n"
