"""Markdown to plain text: headings as lines with a colon, without the marks of emphasis."""

_MARKS = ("**", "__")


def markdown_text(text: str) -> str:
    """Text without Markdown's marks; lists and numbers stay as they are."""
    return "\n".join(_line(line) for line in text.split("\n") if not _is_rule(line))


def _line(line: str) -> str:
    words = line.strip()
    if words.startswith("#"):
        title = words.strip("#").strip().replace("*", "").replace("_", " ")
        return f"{title}:" if title and title[-1].isalnum() else title
    for mark in _MARKS:
        line = line.replace(mark, "")
    if words.startswith("|"):
        line = words.strip("|").replace("|", "\t")
    return line


def _is_rule(line: str) -> bool:
    """A line under a title, between parts, or under a table's head."""
    words = line.strip()
    return not set(words) - set("=-*_|: ") and any(mark * 3 in words for mark in "=-*_")
