"""HTML and XHTML to text, as a person sees the page: blocks on lines of their own, no hidden content."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

_UNSEEN = frozenset(
    (
        "head",
        "script",
        "style",
        "template",
        "noscript",
        "object",
        "iframe",
        "svg",
        "math",
        "del",
        "s",
        "strike",
        "select",
        "textarea",
    )
)
_BLOCKS = frozenset(
    (
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    )
)
_TITLES = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "dt", "caption"))
_BOLD = frozenset(("b", "strong", "u"))
_HIDING = ("display:none", "visibility:hidden")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")


def html_text(markup: str) -> str:
    """Visible text of a page or a fragment."""
    root = LexborHTMLParser(markup).root
    if root is None:
        return ""
    page = _Page()
    for node, opening in _walk(root):
        if node.is_text_node:
            page.write(node.text_content or "", kept=_preformatted(node))
        elif opening:
            page.open(node)
        else:
            page.close(node)
    return page.text()


class _Page:
    """Text as it grows, a line at a time."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._counters: list[int | None] = []  # of the lists that are open; None: no numbers

    def write(self, words: str, *, kept: bool) -> None:
        if kept:
            first, *others = words.replace("\r\n", "\n").split("\n")
            self._line.append(first)
            for line in others:
                self.end_line()
                self._line.append(line)
            return
        words = _SPACE.sub(" ", words)
        if words.startswith(" ") and (not self._line or self._line[-1].endswith((" ", "\t"))):
            words = words[1:]
        if words:
            self._line.append(words)

    def open(self, node: LexborNode) -> None:
        tag = node.tag
        if tag == "br":
            self.end_line(always=True)
        elif tag in ("td", "th") and self._line:
            self._line.append("\t")
        elif tag in _BLOCKS:
            self.end_line()
            if tag in ("ol", "ul"):
                self._counters.append(0 if tag == "ol" else None)
            elif tag == "li":
                self._line.append(self._mark())
            elif tag == "p" or tag in _TITLES:
                self.blank_line()

    def close(self, node: LexborNode) -> None:
        tag = node.tag
        if tag in _TITLES or (tag in _BOLD and self._is_capitals()) or (tag == "th" and _labels_row(node)):
            self._mark_heading()
        if tag in _BLOCKS:
            self.end_line()
            if tag in ("ol", "ul") and self._counters:
                self._counters.pop()

    def end_line(self, *, always: bool = False) -> None:
        line = "".join(self._line).rstrip()
        self._line.clear()
        if line.strip() or always:
            self._lines.append(line)

    def blank_line(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def text(self) -> str:
        self.end_line()
        return _BLANK_LINES.sub("\n\n", "\n".join(self._lines)).strip("\n")

    def _mark(self) -> str:
        if not self._counters or self._counters[-1] is None:
            return "- "
        self._counters[-1] += 1
        return f"{self._counters[-1]}. "

    def _is_capitals(self) -> bool:
        """A line that so far is capitals alone, in bold: a heading before its text."""
        return "".join(self._line).isupper()

    def _mark_heading(self) -> None:
        line = "".join(self._line).rstrip()
        if line and line[-1].isalnum():
            self._line[:] = [line, ": "]


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Visible nodes in order, elements at their start (True) and their end (False); no recursion."""
    stack = [(root, True)]
    while stack:
        node, opening = stack.pop()
        yield node, opening
        if not opening or not node.is_element_node:
            continue
        stack.append((node, False))
        children = []
        child = node.first_child
        while child is not None:
            if child.is_text_node or (child.is_element_node and not _is_hidden(child)):
                children.append((child, True))
            child = child.next
        stack.extend(reversed(children))


def _is_hidden(node: LexborNode) -> bool:
    if node.tag in _UNSEEN:
        return True
    attributes = node.attributes
    if "hidden" in attributes or (node.tag == "input"):
        return True
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return any(words in style for words in _HIDING)


def _preformatted(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None and parent.is_element_node and parent.tag not in ("body", "td", "li"):
        style = (parent.attributes.get("style") or "").replace(" ", "").lower()
        if parent.tag == "pre" or "white-space:pre" in style:
            return True
        parent = parent.parent
    return False


def _labels_row(node: LexborNode) -> bool:
    """A heading cell with a plain cell beside it."""
    beside = node.next
    while beside is not None and not beside.is_element_node:
        beside = beside.next
    return beside is not None and beside.tag == "td"
