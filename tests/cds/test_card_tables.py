"""The card tables: mistakes of an author are named, and no fixed text breaks the rules of the wording."""

import re
from collections.abc import Mapping

import pytest

from emhwatch.tables import cards as card_tables
from emhwatch.tables.load import load_tables
from emhwatch.tables.locate import table_files
from emhwatch.types import Indicator

FOLDER = "mappings/cards"


def problems(changes: Mapping[str, tuple[str, str]]) -> list[str]:
    """Problems after replacing some words of some files."""
    files = table_files()
    changed = dict(files.files)
    for name, (old, new) in changes.items():
        text = changed[f"{FOLDER}/{name}"].decode()
        assert old in text
        changed[f"{FOLDER}/{name}"] = text.replace(old, new, 1).encode()
    files.files = changed
    card_tables.parse(files)
    return [str(problem) for problem in files.problems]


def test_shipped_tables_have_no_problem() -> None:
    assert problems({}) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("details.toml", "{b_reason}", "{b_raeson}", "nothing fills this placeholder"),
        ("summaries.csv", "Likelihood: strong.", "Likelihood: strong. " + "x" * 40, "summary too long"),
        ("summaries.csv", "I-8,,info", "I-8,cord,info", "no summary without a case"),
        ("summaries.csv", "W-1,,warning", "W-9,,warning", "unknown value"),
        ("summaries.csv", "W-1,,warning", "W-1,,urgent", "unknown value"),
        ("summaries.csv", "W-3,mass-not-certain", "W-3,mass-uncertain", "unknown value"),
        ("cases.toml", 'years = "<5"', 'yaers = "<5"', "unknown input yaers"),
        ("cases.toml", 'blood = "B1"', 'blood = "B9"', "unknown value B9"),
        ("cases.toml", 'egfr = "<30"', 'egfr = "low"', "another kind of value"),
        ("cases.toml", 'case = "cord"', 'case = "crod"', "unknown value crod"),
        ("cases.toml", "neuro_deficit", "neuro_defect", "unknown input neuro_defect"),
        ("suggestions.toml", 'do = "hold"', 'do = "cancel"', "unknown value"),
        ("orders.csv", "mri-stat", "mri-later", "no such suggestion"),
        ("links.csv", "https://www.nice", "http://www.nice", "not an https address"),
        ("groups.csv", "iron_signal", "iron_sign", "unknown value"),
        ("source.toml", "label =", "name =", "missing"),
    ],
)
def test_mistake_is_named_with_its_file(name: str, old: str, new: str, said: str) -> None:
    found = problems({name: (old, new)})
    assert any(said in problem and f"{FOLDER}/{name}" in problem for problem in found), found


def fixed_texts() -> list[str]:
    tables = load_tables().cards
    texts = [block.text.text for block in tables.blocks] + [s.text for s in tables.summaries]
    texts += [phrase.text for phrases in tables.phrases.values() for phrase in phrases]
    texts += [words for offer in tables.offers for words in (offer.label, offer.order)]
    return [*texts, *(display for _, display in tables.reasons), *tables.words.values()]


@pytest.mark.parametrize(
    "forbidden", ["%", "probability", "do not biopsy", "cancel", "postpone", "stop", "must not", "definitely"]
)
def test_h20_no_fixed_text_commands_or_counts(forbidden: str) -> None:
    assert [text for text in fixed_texts() if forbidden in text.lower()] == []


def test_h06_no_text_of_an_emergency_card_delays() -> None:
    tables = load_tables()
    urgent = {rule.result["card"] for rule in tables.decision.rows.rules if rule.result["indicator"] == "critical"}
    urgent |= {s.card for s in tables.cards.summaries if s.text.startswith("URGENT")}
    assert urgent == {"K-1", "K-2"}
    texts = [b.text.text for b in tables.cards.blocks for card in urgent if b.scope.has(card)]
    texts += [s.text for s in tables.cards.summaries if s.card in urgent]
    offers = [offer for offer in tables.cards.offers for card in urgent if offer.scope.has(card)]
    texts += [words for offer in offers for words in (offer.label, offer.order)]
    for text in texts:
        rest = text.lower().replace("nothing in this card is a reason to wait", "")
        assert re.search(r"wait|delay|hold|cancel|avoid", rest) is None, text
    assert {offer.do for offer in offers} == {"create"}


def test_indicator_of_each_card_is_that_of_the_decision() -> None:
    tables = load_tables()
    decided = {
        r.result["card"]: Indicator(r.result["indicator"]) for r in tables.decision.rows.rules if r.result["card"]
    }
    for summary in tables.cards.summaries:
        assert summary.indicator == decided.get(summary.card, Indicator.INFO)


def test_h22_hold_belongs_to_the_two_cards_of_the_policy() -> None:
    holds = [offer for offer in load_tables().cards.offers if offer.do == "hold"]
    assert [sorted(offer.scope.cards) for offer in holds] == [["W-1", "W-2"]]
