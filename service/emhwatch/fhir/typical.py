"""A resource without what tells one patient's from another's and cannot make it valid or not. Pure.

Ids, instants, offsets and free text are replaced by one value of the same form; types, codes, systems and structure
stay. Two resources that are the same afterwards are both valid or both not, so that one of them is validated for all.
Whatever is not surely of such a form stays as it is, and is then validated for itself.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

_UUID = re.compile(r"(?:urn:uuid:)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00))?", re.ASCII)
_TEXT = re.compile(r"[ \r\n\t\S]*\S[ \r\n\t\S]*")
_DIGIT = re.compile(r"\d", re.ASCII)
#: Elements whose type is string, markdown or xhtml wherever they hold a string.
_FREE = frozenset({"text", "div", "valueString"})
_INTEGER = range(2**31)


def typical(node: Any, name: str = "") -> Any:  # noqa: ANN401 - decoded JSON
    """The same value for all resources that differ in such values only; items of a list that become equal are one.

    Args:
        node: a resource or a part of one.
        name: of the element that holds it.
    """
    if isinstance(node, str):
        return _string(node, name)
    if isinstance(node, dict):
        return {key: typical(value, key) for key, value in node.items()}
    if isinstance(node, list):
        different: list[Any] = []
        for item in node:
            if (it := typical(item, name)) not in different:
                different.append(it)
        return different
    if name == "valueInteger" and type(node) is int and node in _INTEGER:
        return 0
    return node


@lru_cache(4096)
def _string(text: str, name: str) -> str:
    if name in _FREE:
        return "text" if _TEXT.fullmatch(text) else text
    if _UUID.fullmatch(text):
        return "urn:uuid" if text[0] == "u" else "uuid"
    if found := _REFERENCE.fullmatch(text):
        return f"{found[1]}/{'_history' if found[2] else ''}"
    if found := _INSTANT.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return text
        # Nine digits of a fraction are as good as three; a date and an instant are not the same.
        return _DIGIT.sub("0", text[:19] + (found[3] or ""))
    return text
