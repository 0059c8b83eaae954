"""Report words on a card: hostile input becomes plain quoted text in Markdown, in HTML and in a plain-text client."""

import re
import unicodedata

#: Longest snippet, in characters of the report (clinical wording 1).
SNIPPET_LIMIT = 200
#: Characters that begin Markdown inside a line, and the braces of our own placeholders.
_SPECIAL = re.compile(r"[\\`*_\[\]|~]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "{": "&#123;", "}": "&#125;"})
#: Clients turn these into links even when they are escaped; a blank ends that.
_LINKS = (("://", ": //"), ("@", " @ "), ("](", "] ("))
_WWW = re.compile(r"www\.", re.IGNORECASE)
#: Control, format (zero width, bidirectional), surrogate, private use and unassigned characters.
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))


def visible(text: str) -> str:
    """The text on one line, without invisible characters."""
    if text.isprintable():
        return " ".join(text.split())
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    return " ".join(kept.split())


def cut(text: str, limit: int = SNIPPET_LIMIT) -> str:
    """At most `limit` characters, cut at a blank where there is one near."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    blank = head.rfind(" ", limit * 3 // 4)
    return (head[:blank] if blank > 0 else head).rstrip() + "…"


def escaped(text: str) -> str:
    """Words of a resource as plain text in Markdown and HTML."""
    words = cut(visible(text))
    for mark, harmless in _LINKS:
        words = words.replace(mark, harmless)
    words = _WWW.sub("www .", words)
    return _SPECIAL.sub(lambda match: "\\" + match[0], " ".join(words.split())).translate(_ENTITIES)


def quoted(text: str) -> str:
    """The same in quotation marks; quotation marks inside become single ones."""
    return f'"{escaped(text.replace(chr(34), chr(39)))}"'
