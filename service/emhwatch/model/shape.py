"""Reading decoded JSON that may not have the shape that R4 asks for; nothing here raises.

Other systems send one element where a list is due, a list of one where an element is due, numbers where text is due,
empty strings, and nulls inside lists (which stand for an extension beside the value).
"""

from typing import Any

from emhwatch.types import Resource


def text(node: Resource, name: str) -> str | None:
    """A string element; a number is its digits, a list of one is its item, empty is None."""
    value = node.get(name)
    if value is None:
        return None
    if isinstance(value, list):
        value = _single(value)
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def flag(node: Resource, name: str) -> bool | None:
    """A boolean element; "true" and "false" as text count."""
    value = _single(node.get(name))
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def obj(node: Resource, name: str) -> Resource:
    """An object element, `{}` when it is not there."""
    value = node.get(name)
    if value is None:
        return {}
    if isinstance(value, list):
        value = _single(value)
    return value if isinstance(value, dict) else {}


def objects(node: Resource, name: str) -> list[Resource]:
    """A list of objects; one object is a list of one."""
    value = node.get(name)
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(node: Resource, name: str) -> list[str]:
    """A list of strings; one string is a list of one."""
    value = node.get(name)
    items = value if isinstance(value, list) else [value]
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]


def concepts(node: Resource, name: str) -> list[Resource]:
    """CodeableConcepts, or Codings in their place; text in their place is one with text (STU3, DSTU2)."""
    value = node.get(name)
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    return [*objects(node, name), *({"text": item} for item in texts(node, name))]


def _single(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    return value[0] if isinstance(value, list) and len(value) == 1 else value
