"""What the demonstration shows in a terminal: a card as a clinician would read it, and the closing table."""

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_COLOURS = {"info": "36", "warning": "33", "critical": "31"}
_MINIMUM, _MAXIMUM = 60, 110  #: width of a card in columns


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the closing table."""

    patient: str
    expected: str
    got: str
    card: str
    hold: str
    delay: str
    ok: bool


def show_card(card: dict[str, Any], *, colour: bool) -> str:
    """One CDS Hooks card in a box; control characters of its text are not passed on to the terminal."""
    width = max(_MINIMUM, min(_MAXIMUM, shutil.get_terminal_size().columns - 2))
    indicator = str(card.get("indicator", ""))
    head = f" {indicator.upper()} "
    lines = [*_wrapped(str(card.get("summary", "")), width - 4), ""]
    for paragraph in str(card.get("detail", "")).splitlines():
        lines += _wrapped(_plain(paragraph), width - 4)
    for suggestion in card.get("suggestions", []):
        lines += ["", *_wrapped(f"[ {suggestion.get('label', '')} ]", width - 4)]
    lines += ["", *_wrapped(f"Source: {card.get('source', {}).get('label', '')}", width - 4)]
    top = "┌" + head.center(width - 2, "─") + "┐"
    body = [f"│ {_clean(line):<{width - 4}} │" for line in lines]
    box = "\n".join([top, *body, "└" + "─" * (width - 2) + "┘"])
    if colour and indicator in _COLOURS:
        return box.replace(head, f"\x1b[1;{_COLOURS[indicator]}m{head}\x1b[0m", 1)
    return box


def show_table(outcomes: Sequence[Outcome]) -> str:
    """The closing table: patient, expected, got, card, hold offered, report to Observation."""
    rows = [("patient", "expected", "got", "card", "hold offered", "report → Observation", "")]
    rows += [(o.patient, o.expected, o.got, o.card, o.hold, o.delay, "ok" if o.ok else "DIFFERS") for o in outcomes]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])


def _plain(markdown: str) -> str:
    """A line of the card's Markdown without its marks."""
    text = markdown.replace("**", "").replace("\\", "")
    if text.startswith("#"):
        return text.lstrip("# ")
    return text.replace("- ", "• ", 1) if text.lstrip().startswith("- ") else text


def _wrapped(text: str, width: int) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()) + (2 if text.lstrip().startswith("•") else 0))
    return textwrap.wrap(text, width, subsequent_indent=indent) or [""]


def _clean(line: str) -> str:
    return "".join(character for character in line if character.isprintable())
