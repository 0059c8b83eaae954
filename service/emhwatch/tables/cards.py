"""`mappings/cards/`: what the cards say, offer and ask back."""

import re
from collections.abc import Mapping
from typing import Any

from emhwatch.tables import decision as decision_tables
from emhwatch.tables import keys as key_table
from emhwatch.tables.cardparts import (
    EVERY_CARD,
    Block,
    CardTables,
    Case,
    Group,
    Link,
    Offer,
    Origin,
    Scope,
    Summary,
)
from emhwatch.tables.rules import NUMBER
from emhwatch.tables.source import TableFiles
from emhwatch.tables.wording import Text, WhenParser
from emhwatch.types import Biopsy, Grade, Histology, Indicator, Tier, Value

FOLDER = "mappings/cards"
ACTIONS = ("create", "hold", "note")
#: A summary is one sentence of fewer characters than this (CDS Hooks 2.0, Card Attributes).
SUMMARY_BELOW = 140
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_YES, _SOME = ("yes", "no"), ("some", "none")
#: What a text may depend on, besides the policy keys and the named cases.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "blood": tuple(Grade),
    "biopsy": tuple(Biopsy),
    "histology": tuple(Histology),
    "tier": tuple(Tier),
    **dict.fromkeys(("danger", "names_emh", "mass"), tuple(Value)),
    **dict.fromkeys(("major", "counted_low", "pregnant", "hold", "pooled"), _YES),
    **dict.fromkeys(("report", "mass_words", "biopsy_words", "emh_words", "older_words"), _SOME),
    **dict.fromkeys(("observation", "source_reason"), _SOME),
    **dict.fromkeys(("opposing", "supporting", "net", "years", "supporting_items", "against_items"), (NUMBER,)),
    **dict.fromkeys(("unknown_items", "masses", "missing", "egfr", "mcv"), (NUMBER,)),
    "site": ("A1", "A2"),
    "newest_hb": ("normal", "low"),
    "drugs": ("some", "none", "unknown"),
}
_REASON, _ATTRIBUTE, _WORD = ("code", "display"), ("attribute", "value"), ("kind", "value", "words")
_ORDER = ("suggestion", "system", "code", "display")
_LINK = ("label", "url", "type", "local", "cards")
#: Placeholders that the evaluation fills; all others are phrases.
FILLED = frozenset(
    (
        *("report_type", "report_date", "mass_snippet", "snippet", "danger_snippet", "danger_cord", "danger_bleeding"),
        *("f_snippet", "e_snippet", "biopsy", "site", "order_site", "levels", "side", "b_reason", "b_short", "egfr"),
        *("b_short_first", "b_partial", "cause", "supporting_list", "opposing_list", "unknown_list", "rival_list"),
        *("older_label", "older_date", "missing", "source", "reason", "change", "id", "drug", "version", "mcv"),
        *("hb_value", "hb_date", "mass_list"),
    )
)


def parse(files: TableFiles) -> CardTables:
    """Read and check the tables; problems go to `files`."""
    reader = _Reader(files)
    cases = reader.cases()
    tables = CardTables(
        cases=cases,
        summaries=reader.summaries({case.name for case in cases}),
        blocks=reader.blocks(),
        phrases=reader.phrases(),
        offers=reader.offers(),
        reasons=tuple((r["code"], r["display"]) for r in files.csv(f"{FOLDER}/override_reasons.csv", _REASON)),
        links=reader.links(),
        origin=reader.origin(),
        words={
            (row["kind"], row["value"]): row["words"] for row in files.csv(f"{FOLDER}/words.csv", ("kind", "value"))
        },
        rivals=reader.groups("rival"),
        undescribed=reader.groups("undescribed"),
        attributes=tuple((r["attribute"], r["value"]) for r in files.csv(f"{FOLDER}/attributes.csv", _ATTRIBUTE)),
        no_facts=dict.fromkeys(reader.keys.by_key, frozenset((Value.UNKNOWN,))),
    )
    _check_placeholders(files, tables)
    return tables


class _Reader:
    """One pass over the files."""

    def __init__(self, files: TableFiles) -> None:
        self._files = files
        self.keys = key_table.parse(files)
        decision = decision_tables.parse(files)
        self._cards = {rule.result["card"] for rule in decision.rows.rules} - {""} | {"I-9"}
        modalities = {r["value"] for r in files.csv(f"{FOLDER}/words.csv", _WORD) if r["kind"] == "modality"}
        self._values: dict[str, tuple[str, ...]] = {
            **{key: tuple(Value) for key in self.keys.by_key},
            **INPUTS,
            "row": tuple(dict.fromkeys(rule.result["row"] for rule in decision.rows.rules)),
            "ground": tuple(ground.id for ground in decision.grades.grounds),
            "reason": tuple(r.code for r in decision.reasons.values() if r.kind == "report"),
            "recent_modality": tuple(sorted(modalities)),
            "card": tuple(sorted(self._cards)),
            "case": (),
        }

    def cases(self) -> tuple[Case, ...]:
        path, found = f"{FOLDER}/cases.toml", []
        for entry in self._entries(path, "case"):
            name = str(entry.get("name", ""))
            found.append(Case(name, WhenParser(self._files, path, self._values).parse(entry, name)))
            self._values["case"] += (name,)
        return tuple(found)

    def summaries(self, cases: set[str]) -> tuple[Summary, ...]:
        path, found = f"{FOLDER}/summaries.csv", []
        for row in self._files.csv(path, ("card", "case", "indicator", "summary")):
            self._member(path, row.line, row["card"], self._cards)
            self._member(path, row.line, row["case"] or "default", cases | {"default"})
            self._member(path, row.line, row["indicator"], set(Indicator))
            found.append(Summary(row["card"], row["case"], row["indicator"], row["summary"]))
        for card in sorted(self._cards - {s.card for s in found if not s.case}):
            self._files.problem(path, 0, card, "no summary without a case", "add the default summary of this card")
        return tuple(found)

    def blocks(self) -> tuple[Block, ...]:
        path = f"{FOLDER}/details.toml"
        return tuple(
            Block(self._scope(path, entry), self._text(path, entry, str(entry.get("text", ""))[:40]))
            for entry in self._entries(path, "block")
        )

    def phrases(self) -> dict[str, tuple[Text, ...]]:
        path, found = f"{FOLDER}/phrases.toml", {}
        for name, entries in self._files.toml(path).items():
            found[name] = tuple(self._text(path, entry, name) for entry in entries)
            if found[name][-1].when.any:
                self._files.problem(path, 0, name, "the last phrase has a condition", "end with one that always fits")
        return found

    def offers(self) -> tuple[Offer, ...]:
        path, found = f"{FOLDER}/suggestions.toml", []
        codes = self._order_codes()
        for entry in self._entries(path, "suggestion"):
            name = str(entry.get("id", ""))
            self._member(path, 0, str(entry.get("do")), set(ACTIONS))
            found.append(
                Offer(
                    id=name,
                    do=str(entry.get("do")),
                    scope=self._scope(path, entry),
                    when=WhenParser(self._files, path, self._values).parse(entry, name),
                    label=str(entry.get("label", "")),
                    order=str(entry.get("order", "")),
                    codes=tuple(codes.pop(name, ())),
                    priority=str(entry.get("priority", "routine")),
                    priority_on=dict(entry.get("priority_on", {})),
                )
            )
        for name in codes:
            self._files.problem(f"{FOLDER}/orders.csv", 0, name, "no such suggestion", "use an id of suggestions.toml")
        return tuple(found)

    def _order_codes(self) -> dict[str, list[dict[str, str]]]:
        codes: dict[str, list[dict[str, str]]] = {}
        for row in self._files.csv(f"{FOLDER}/orders.csv", _ORDER, may_be_empty=True):
            coding = {name: row[name] for name in _ORDER[1:] if row[name]}
            codes.setdefault(row["suggestion"], []).append(coding)
        return codes

    def links(self) -> tuple[Link, ...]:
        path, found = f"{FOLDER}/links.csv", []
        for row in self._files.csv(path, _LINK, may_be_empty=True):
            self._member(path, row.line, row["type"], {"absolute", "smart"})
            if not row["url"].startswith("https://"):
                self._files.problem(path, row.line, row["label"], "not an https address", "write the full address")
            scope = self._scope(path, {"cards": row.list("cards")})
            found.append(Link(row["label"], row["url"], row["type"], row["local"] == "yes", scope))
        return tuple(sorted(found, key=lambda link: not link.local))

    def origin(self) -> Origin:
        path = f"{FOLDER}/source.toml"
        entry = self._files.toml(path)
        for name in ("label", "topic_system", "reason_system"):
            if not entry.get(name):
                self._files.problem(path, 0, name, "missing", "fill it; it stands on every card")
        return Origin(
            str(entry.get("label", "")),
            str(entry.get("topic_system", "")),
            str(entry.get("reason_system", "")),
            frozenset(entry.get("without_reasons", ())),
        )

    def groups(self, kind: str) -> tuple[Group, ...]:
        path, found = f"{FOLDER}/groups.csv", []
        for row in self._files.csv(path, ("kind", "words", "keys")):
            if row["kind"] != kind:
                continue
            keys: list[str] = []
            for key in row.list("keys"):
                keys += self.keys.role(key[1:]) if key.startswith("@") else (key,)
            for key in keys:
                self._member(path, row.line, key, set(self.keys.by_key) | {"side", "levels"})
            found.append(Group(row["words"], tuple(keys)))
        return tuple(found)

    def _entries(self, path: str, name: str) -> list[Mapping[str, Any]]:
        entries = self._files.toml(path).get(name, [])
        if not entries:
            self._files.problem(path, 0, name, "no entries", "an empty table would silence the cards")
        return list(entries)

    def _text(self, path: str, entry: Mapping[str, Any], name: str) -> Text:
        return Text(WhenParser(self._files, path, self._values).parse(entry, name), str(entry.get("text", "")))

    def _scope(self, path: str, entry: Mapping[str, Any]) -> Scope:
        cards, besides = frozenset(entry.get("cards", ())), frozenset(entry.get("not_cards", ()))
        for card in (cards | besides) - {EVERY_CARD}:
            self._member(path, 0, card, self._cards)
        return Scope(cards, besides)

    def _member(self, path: str, line: int, value: str, allowed: set[str]) -> None:
        if value not in allowed:
            self._files.problem(path, line, value, "unknown value", f"use one of {' '.join(sorted(allowed))}"[:300])


def _check_placeholders(files: TableFiles, tables: CardTables) -> None:
    """Every placeholder must be filled by something, and no summary may grow too long."""
    known = FILLED | set(tables.phrases)
    texts = [("details.toml", block.text.text) for block in tables.blocks]
    texts += [("phrases.toml", text.text) for group in tables.phrases.values() for text in group]
    texts += [("suggestions.toml", words) for offer in tables.offers for words in (offer.label, offer.order)]
    texts += [("summaries.csv", summary.text) for summary in tables.summaries]
    for name, text in texts:
        for placeholder in PLACEHOLDER.findall(text):
            if placeholder not in known:
                files.problem(f"{FOLDER}/{name}", 0, placeholder, "nothing fills this placeholder", "correct its name")
    longest = {name: max((t.text for t in group), key=len) for name, group in tables.phrases.items()}
    for summary in tables.summaries:
        full = PLACEHOLDER.sub(lambda match: longest.get(match[1], match[0]), summary.text)
        if len(full) >= SUMMARY_BELOW or "{" in full:
            files.problem(f"{FOLDER}/summaries.csv", 0, summary.card, "summary too long or not fixed", "shorten it")
