"""What reading one carrier gives: text, or the reason why there is none (or not all of it)."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a carrier gave no text, or only a part of it. Never a finding: missing text says nothing."""

    EMPTY = "empty"  #: no data, or nothing but white space
    NOT_AVAILABLE = "not-available"  #: only a link, and what it names was not given
    TOO_LARGE = "too-large"  #: over the limit of bytes, before or after decompression
    CUT = "cut"  #: text over the limit of pages or characters; the part before it was read
    TRUNCATED = "truncated"  #: the data end inside a base64 group; the part before it was read
    NOT_BASE64 = "not-base64"
    NOT_TEXT = "not-text"  #: binary data of no known format
    IMAGE = "image"
    UNSUPPORTED = "unsupported-format"  #: a known format that is not read, such as a word processor's
    ENCRYPTED = "encrypted"
    NO_TEXT_LAYER = "no-text-layer"  #: a scan
    PAGES_WITHOUT_TEXT = "pages-without-text"  #: some pages are scans; the others were read
    DAMAGED = "damaged"  #: the format is known, the data are not valid


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on memory and time for one attachment."""

    data_bytes: int = 10_000_000  #: of the attachment
    characters: int = 1_000_000  #: of its text
    pages: int = 200  #: of a PDF
    content_bytes: int = 8_000_000  #: page descriptions of a PDF, decompressed; markup or RTF without pictures


@dataclass(frozen=True, slots=True)
class CarrierText:
    """Text of one carrier. Both set: `text` is a part, `reason` says what is missing."""

    text: str | None
    reason: Reason | None = None
    format: str | None = None  #: what the data are, whatever they were called: "text", "html", "rtf", "pdf", "cda"


def settled(text: str, form: str, limits: Limits, reason: Reason | None = None) -> CarrierText:
    """A finished text: line ends unified, without NUL, cut at the limit; blank text has a reason."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if not text.strip():
        return CarrierText(None, reason or Reason.EMPTY, form)
    if len(text) > limits.characters:
        kept = text[: limits.characters]
        line_end = kept.rfind("\n")  # half a line may have lost its negation
        return CarrierText(kept[: line_end + 1] or kept, Reason.CUT, form)
    return CarrierText(text, reason, form)
