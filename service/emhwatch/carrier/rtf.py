"""RTF to text, without hidden, deleted and pictured content."""

import re
from typing import Any

from striprtf import striprtf

_LIBRARY: Any = striprtf  # it has no annotations
_LONGEST_FONT_TABLE = 20_000  #: the library searches it with a pattern that is not linear
_MARKS = re.compile(r"\\(?:[\\{}']|(?:(pict|objdata|datastore)|(v|deleted)(0?)|(plain))(?![a-zA-Z]) ?)|([{}])")


def visible(rtf: str) -> str:
    """The same RTF without groups that are pictures and without text marked as hidden or deleted."""
    kept: list[str] = []
    stack: list[bool] = []
    hidden = False
    place = 0
    for match in _MARKS.finditer(rtf):
        picture, mark, off, plain, brace = match.groups()
        if not (picture or mark or plain or brace):
            continue  # an escaped character
        if not hidden:
            kept.append(rtf[place : match.start()])
        place = match.end()
        if brace:
            kept.append(brace)
            if brace == "{":
                stack.append(hidden)
            else:
                hidden = stack.pop() if stack else False
        elif plain:
            kept.append("\\plain ")
            hidden = False
        else:
            hidden = not off
    if not hidden:
        kept.append(rtf[place:])
    return "".join(kept)


def rtf_text(rtf: str) -> str:
    """Text of an RTF document that `visible` has cleaned."""
    rtf = rtf.replace("{\\field{", "{{")  # else the library searches for links with a pattern that is not linear
    fonts = _LIBRARY.font_table_group(rtf)
    if len(fonts) > _LONGEST_FONT_TABLE:
        rtf = rtf.replace(fonts, "", 1)
    text: str = _LIBRARY.rtf_to_text(rtf, errors="replace")
    return "\n".join(line.replace("|", "\t").rstrip() for line in text.split("\n"))
