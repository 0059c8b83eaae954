"""Checks across tables: every concept is used, every key set and used by something, every row can fire."""

from collections.abc import Collection, Mapping
from typing import Any

from emhwatch.tables import evidence
from emhwatch.tables.codes import CONCEPTS, CodeTables
from emhwatch.tables.decision import FOLDER, INPUTS, DecisionTables
from emhwatch.tables.keys import PATH as KEYS
from emhwatch.tables.keys import KeyTables
from emhwatch.tables.reach import gap, never_fires, space
from emhwatch.tables.rules import NUMBER, RuleTable
from emhwatch.tables.source import TableFiles

COMPUTED = "mappings/computed.csv"
LEFT_OUT = "terminology/left_out.csv"
#: Inputs of the decision that can be unknown.
OPTIONAL = ("site", "priority")
_LIMIT_INPUTS = {"months": (NUMBER,), "gestation": (NUMBER, "unknown"), "sex": ("male", "female")}


def check(files: TableFiles, parsed: Mapping[str, Any]) -> None:
    """All checks; problems go to `files`."""
    keys, codes, decision = parsed["keys"], parsed["codes"], parsed["decision"]
    computed = _computed(files, keys)
    _concepts(files, codes)
    _left_out(files, codes)
    _sources(files, keys, codes, parsed["text"].keys, computed)
    _uses(files, keys, decision, {key for keys_from in computed.values() for key in keys_from})
    _rows(files, decision)
    reasons = evidence.parse(files, keys.by_key)
    for key in decision.scores.keys:
        if key not in reasons:
            files.problem(evidence.PATH, 0, key, "scores, but without evidence", "say why it counts")


def _computed(files: TableFiles, keys: KeyTables) -> dict[str, tuple[str, ...]]:
    """Key -> keys that it is computed from."""
    found = {}
    for row in files.csv(COMPUTED, ("key", "keys", "data")):
        for key in (row["key"], *row.list("keys")):
            if key not in keys.by_key:
                files.problem(COMPUTED, row.line, key, "unknown key", "use one of mappings/keys.csv")
        if not row["keys"] and not row["data"]:
            files.problem(COMPUTED, row.line, row["key"], "from nothing", "say from which keys or data")
        found[row["key"]] = row.list("keys")
    return found


def _concepts(files: TableFiles, codes: CodeTables) -> None:
    used = {entry.concept for entry in codes.entries()}
    for row in files.csv(CONCEPTS, ("concept", "title")):
        if row["concept"] not in used:
            files.problem(CONCEPTS, row.line, row["concept"], "no code has this concept", "add its codes or remove it")
        if not row["title"]:
            files.problem(CONCEPTS, row.line, row["concept"], "no title", "say in words what it is")


def _left_out(files: TableFiles, codes: CodeTables) -> None:
    for row in files.csv(LEFT_OUT, ("concept", "system", "code", "reason"), may_be_empty=True):
        if not row["reason"]:
            files.problem(LEFT_OUT, row.line, row["code"], "no reason", "say why the row is not used")
        if any(entry.concept == row["concept"] for entry in codes.by_code.get(row["system"], {}).get(row["code"], ())):
            files.problem(LEFT_OUT, row.line, row["code"], "the row is used after all", "remove it here")


def _sources(
    files: TableFiles, keys: KeyTables, codes: CodeTables, text: Collection[str], computed: Collection[str]
) -> None:
    coded = {key for entry in codes.entries() for key in (*entry.keys, *((entry.rival,) if entry.rival else ()))}
    for row in files.csv(KEYS, ("key",)):
        key = keys.by_key[row["key"]]
        sources = [name for name in (text, coded, computed) if key.key in name]
        if key.general and sources:
            files.problem(
                KEYS, row.line, key.key, "a general statement is set as a finding", "remove its phrase or code"
            )
        elif not key.general and not sources:
            files.problem(
                KEYS, row.line, key.key, "nothing sets this key", "add phrases, codes or a row of computed.csv"
            )


def _uses(files: TableFiles, keys: KeyTables, decision: DecisionTables, behind: Collection[str]) -> None:
    """Groups of policy 17 against the tables that give them their meaning."""
    supporting = {key for rule in decision.scores.supporting for key in rule.keys}
    opposing = {rule.key for rule in decision.scores.opposing}
    grounds = set(decision.grades.keys)
    for row in files.csv(KEYS, ("key",)):
        key = keys.by_key[row["key"]]
        for group, used, where in (
            ("C", supporting, "supporting.csv"),
            ("D", opposing, "opposing.csv"),
            ("B1", grounds, "grades.csv"),
        ):
            if group in key.groups and key.key not in used and key.key not in behind:
                files.problem(KEYS, row.line, key.key, f"group {group}, but without a row of {where}", "add the row")
            if group != "B1" and key.key in used and group not in key.groups:
                files.problem(KEYS, row.line, key.key, f"scores in {where} without group {group}", "correct the group")


def _rows(files: TableFiles, decision: DecisionTables) -> None:
    named: list[tuple[str, RuleTable, Mapping[str, tuple[str, ...]], bool]] = [
        ("rows.csv", decision.rows, INPUTS, True),
        ("tiers.csv", decision.tiers, INPUTS, True),
        ("hb_limits.csv", decision.hb_limits, _LIMIT_INPUTS, True),
    ]
    for name, table, inputs, complete in named:
        asked = {c.input for rule in table.rules for c in rule.conditions}
        everything = space(table, {key: values for key, values in inputs.items() if key in asked}, (*OPTIONAL, "sex"))
        for rule in never_fires(table, everything):
            what = " ".join(value for value in rule.result.values() if value)
            files.problem(
                f"{FOLDER}/{name}", rule.line, what, "earlier rows always take its place", "move or remove it"
            )
        if complete and (case := gap(table, everything)) is not None:
            words = ", ".join(f"{key} {value}" for key, value in case.items())
            files.problem(f"{FOLDER}/{name}", 0, words, "no row fits this case", "add a row")
