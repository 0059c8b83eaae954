"""Text of one carrier of a report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of one carrier, with the path of its element."""

    path: str
    text: str
    language: str | None = None  #: as stated by the attachment
    date: str = ""  #: as stated by the attachment; ISO 8601, so that text order is time order
