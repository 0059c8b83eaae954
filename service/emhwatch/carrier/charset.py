"""Bytes to characters: byte order mark, declared charset, UTF-8, then detection.

Declared charsets are often wrong in both directions (Latin-1 called UTF-8 and the reverse). Bytes that are valid
UTF-8 with multi-byte sequences are UTF-8 whatever they are called: by chance they are almost never valid.
"""

import codecs
import re

from charset_normalizer import from_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALLBACK = "cp1252"  #: superset of Latin-1 in practice
_CANDIDATES = ("cp1252", "mac_roman")
_SAMPLE = 20_000  #: bytes that detection looks at
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a]")
_MOST_CONTROLS = 0.02  #: share of control characters above which data are no text


def decode(data: bytes, declared: str | None) -> str | None:
    """The text of the bytes; None when they are not text."""
    text = _decode(data, declared)
    sample = text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > _MOST_CONTROLS * len(sample):
        return None
    return _repaired(text)


def _decode(data: bytes, declared: str | None) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    wide = _wide(data)
    if wide:
        return data.decode(wide, "replace")
    utf8 = _strict(data, "utf-8")
    if utf8 is not None and not data.isascii():
        return utf8
    name = _known(declared)
    if name and name != "ascii" and (text := _strict(data, name)) is not None:
        return text
    if utf8 is not None:
        return utf8
    return data.decode(_detected(data), "replace")


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: nearly every second byte of Western text is NUL."""
    sample = data[:_SAMPLE]
    half = len(sample) // 2
    if half < 2 or len(data) % 2:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.7 * half and not even:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and not odd else None


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, ValueError):
        return None


def _known(declared: str | None) -> str | None:
    """Codec of a declared charset; Latin-1 is read as its superset, which is what is meant."""
    if not declared:
        return None
    try:
        info = codecs.lookup(declared.strip(" \"'"))
    except (LookupError, ValueError):
        return None
    if not getattr(info, "_is_text_encoding", True) or info.name in ("unicode_escape", "raw_unicode_escape", "utf-7"):
        return None
    return _FALLBACK if info.name in ("iso8859-1", "cp1252") else info.name


def _detected(data: bytes) -> str:
    best = from_bytes(data[:_SAMPLE], cp_isolation=list(_CANDIDATES), threshold=0.3).best()
    return best.encoding if best else _FALLBACK


def _repaired(text: str) -> str:
    """Undo UTF-8 that some system read as Latin-1 and wrote as UTF-8 again ("Ã©" for "é")."""
    if "Ã" not in text and "â€" not in text:
        return text
    try:
        return text.encode(_FALLBACK).decode("utf-8")
    except UnicodeError:
        return text
