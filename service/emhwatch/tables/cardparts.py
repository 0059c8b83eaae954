"""What cards are made of; `tables.cards` reads it from `mappings/cards/`."""

from collections.abc import Mapping
from dataclasses import dataclass

from emhwatch.tables.wording import Known, Situation, Text, When

EVERY_CARD = "*"


@dataclass(frozen=True, slots=True)
class Case:
    """A named situation."""

    name: str
    when: When


@dataclass(frozen=True, slots=True)
class Summary:
    """First line of a card in one case; an empty case always fits."""

    card: str
    case: str
    indicator: str
    text: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cards something belongs to."""

    cards: frozenset[str]
    besides: frozenset[str] = frozenset()

    def has(self, card: str) -> bool:
        """Whether the card is meant."""
        return (EVERY_CARD in self.cards or card in self.cards) and card not in self.besides


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph of the detail."""

    scope: Scope
    text: Text


@dataclass(frozen=True, slots=True)
class Offer:
    """One suggestion."""

    id: str
    do: str  #: "create", "hold", "note"
    scope: Scope
    when: When
    label: str
    order: str  #: text of the order that is created, or of the note
    codes: tuple[Mapping[str, str], ...]
    priority: str
    priority_on: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """Further reading, or a site's own pathway."""

    label: str
    url: str
    type: str
    local: bool
    scope: Scope


@dataclass(frozen=True, slots=True)
class Group:
    """Words that stand for several keys."""

    words: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks."""

    label: str
    topic_system: str
    reason_system: str
    without_reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class CardTables:
    """Everything that cards are made of."""

    cases: tuple[Case, ...]
    summaries: tuple[Summary, ...]
    blocks: tuple[Block, ...]
    phrases: Mapping[str, tuple[Text, ...]]
    offers: tuple[Offer, ...]
    reasons: tuple[tuple[str, str], ...]  #: code, display
    links: tuple[Link, ...]
    origin: Origin
    words: Mapping[tuple[str, str], str]
    rivals: tuple[Group, ...]
    undescribed: tuple[Group, ...]
    attributes: tuple[tuple[str, str], ...]  #: source attribute, value
    no_facts: Mapping[str, Known]  #: every policy key as unknown, what a situation starts from

    def say(self, kind: str, value: str) -> str:
        """Words for a value; the value itself when the table has none."""
        return self.words.get((kind, value), value)

    def summary(self, card: str, situation: Situation) -> Summary | None:
        """The first summary of the card whose case holds."""
        held = situation.get("case")
        cases = held if isinstance(held, frozenset) else frozenset()
        return next((s for s in self.summaries if s.card == card and (not s.case or s.case in cases)), None)
