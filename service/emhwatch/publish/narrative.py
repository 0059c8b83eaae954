"""What a person reads in any FHIR viewer: `text.div` as XHTML that holds no markup from outside."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from emhwatch.publish.coding import Coder
from emhwatch.types import Resource

_LIMIT = 240  #: characters of a quote
_CONTROL = dict.fromkeys([*range(32), 127], " ")
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>#|~"})


def plain(text: str) -> str:
    """One line without control characters, cut to the limit."""
    line = " ".join(text.translate(_CONTROL).split())
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1].rstrip() + "…"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return text.translate(_CONTROL).translate(_MARKDOWN)


def narrative(title: str, rows: Sequence[tuple[str, str]], lines: Iterable[str] = ()) -> Resource:
    """A Narrative with a heading, a two-column table and closing lines; everything is escaped."""
    body = "".join(f"<tr><th>{_safe(name)}</th><td>{_safe(value)}</td></tr>" for name, value in rows)
    table = f"<table><tbody>{body}</tbody></table>" if body else ""
    closing = "".join(f"<p>{_safe(line)}</p>" for line in lines if line)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><h3>{_safe(title)}</h3>{table}{closing}</div>'
    return {"status": "generated", "div": div}


def observation_narrative(observation: Resource, title: str, coder: Coder, *, lines: Iterable[str] = ()) -> Resource:
    """The narrative of an Observation: its value and each component that says something, unknown ones by name."""
    words = coder.output.words["narrative"]
    rows = [(words["value"], shown(observation, words["unknown"]))] if _has_value(observation) else []
    unknown = []
    for component in observation.get("component", ()):
        name = component["code"]["text"]
        if "dataAbsentReason" in component:
            unknown.append(name)
        else:
            rows.append((name, shown(component, words["unknown"])))
    if unknown:
        rows.append((words["unknown"].capitalize(), ", ".join(unknown)))
    closing = (*lines, words["disclaimer"], words["rules"].format(version=coder.version))
    return narrative(title, rows, closing)


def shown(node: Resource, unknown: str) -> str:
    """The value of an Observation or component, in words."""
    value: Any = next((v for k, v in node.items() if k.startswith("value")), None)
    if value is None:
        return unknown
    if isinstance(value, dict):
        if "text" in value:
            return str(value["text"])
        return f"{value.get('value', '')} {value.get('unit', '')}".strip()
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _has_value(observation: Resource) -> bool:
    return any(k.startswith("value") or k == "dataAbsentReason" for k in observation)


def _safe(text: str) -> str:
    return escape(text.translate(_CONTROL), quote=True)
