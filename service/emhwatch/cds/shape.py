"""A card as one client takes it, and the last check before it is sent. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from emhwatch.tables.cards import SUMMARY_BELOW
from emhwatch.tables.clients import Profile

Card = dict[str, Any]

_EMPTY: tuple[Any, ...] = (None, "", [], {})
_INDICATORS = frozenset(("info", "warning", "critical"))
_ALL_HOSTS = "*"
_ESCAPE = re.compile(r"\\([\\`*_\[\]|~])")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&#123;", "{"), ("&#125;", "}"), ("&amp;", "&"))


def shaped(card: Card, profile: Profile, *, evidence_url: str = "") -> Card:
    """The card within the limits of the client's profile."""
    made: Card = {**card, "source": dict(card["source"])}
    if evidence_url and profile.source_url:
        made["source"]["url"] = evidence_url
    if profile.plain_topic:
        topic = made["source"]["topic"]
        made["source"]["topic"] = {**topic, "code": re.sub(r"[^A-Za-z0-9]", "", topic["code"])}
    if profile.detail == "plain":
        made["detail"] = plain(card["detail"])
    if "suggestions" in card:
        made["selectionBehavior"] = profile.selection_behavior
        if profile.one_action:
            made["suggestions"] = [{**s, "actions": s["actions"][:1]} for s in card["suggestions"]]
    made["links"] = [link for link in card.get("links", ()) if _may_link(link, profile)]
    kept: Card = pruned(made)
    return kept


def plain(markdown: str) -> str:
    """The detail without Markdown: emphasis and escapes removed."""
    text = _ESCAPE.sub(lambda match: match[1], re.sub(r"(?<!\\)\*\*", "", markdown))
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def pruned(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without null and empty elements, which CDS Hooks forbids."""
    if type(value) is dict:
        return {key: kept for key, item in value.items() if (kept := _kept(item)) not in _EMPTY}
    if type(value) is list:
        return [kept for item in value if (kept := _kept(item)) not in _EMPTY]
    return value


def _kept(item: Any) -> Any:  # noqa: ANN401 - JSON
    return item if type(item) is str else pruned(item)


def problems(cards: Sequence[Card]) -> list[str]:
    """What makes the cards invalid against CDS Hooks 2.0 (Card Attributes); empty when they may be sent."""
    found = []
    for card in cards:
        found += [f"{name} missing" for name in ("uuid", "summary", "indicator", "source") if not card.get(name)]
        if not 0 < len(card.get("summary", "")) < SUMMARY_BELOW or "\n" in card.get("summary", ""):
            found.append("summary is not one sentence of the allowed length")
        if card.get("indicator") not in _INDICATORS:
            found.append("indicator")
        if not card.get("source", {}).get("label"):
            found.append("source.label")
        found += _suggestion_problems(card)
        found += ["overrideReasons" for r in card.get("overrideReasons", ()) if set(r) != {"code", "system", "display"}]
        found += ["links" for k in card.get("links", ()) if not {"label", "url", "type"} <= set(k)]
    return found


def _suggestion_problems(card: Card) -> list[str]:
    found = []
    offered = card.get("suggestions", ())
    if offered and card.get("selectionBehavior") not in ("any", "at-most-one"):
        found.append("selectionBehavior")
    for suggestion in offered:
        if not suggestion.get("label") or not suggestion.get("uuid") or not suggestion.get("actions"):
            found.append("suggestion incomplete")
        for action in suggestion.get("actions", ()):
            subject = "resourceId" if action.get("type") == "delete" else "resource"
            if action.get("type") not in ("create", "update", "delete") or not action.get("description"):
                found.append("action incomplete")
            if subject not in action:
                found.append(f"action without {subject}")
    return found


def _may_link(link: Mapping[str, Any], profile: Profile) -> bool:
    if link["type"] == "smart" and not profile.smart_links:
        return False
    return _ALL_HOSTS in profile.link_hosts or urlsplit(link["url"]).hostname in profile.link_hosts
