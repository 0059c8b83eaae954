"""The narrative of a CDA document (HL7 CDA R2: section/title and section/text), or the file inside it.

Coded entries are not text of the report. A document type definition is refused: it could define entities that grow.
"""

from dataclasses import dataclass
from xml.parsers import expat

_BREAKS = frozenset(
    ("paragraph", "br", "item", "list", "table", "tr", "caption", "title", "text", "section", "thead", "tbody")
)


class EntityRefused(Exception):
    """The document declares entities."""


@dataclass(frozen=True, slots=True)
class Narrative:
    """Words of the sections, or the base64 data and content type of a body that is no XML."""

    text: str
    data: str | None = None
    content_type: str | None = None


class _Reader:
    """Expat's calls; `path` holds local names from the root."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.written: list[str] = []
        self.data: list[str] = []
        self.content_type: str | None = None
        self._deleted = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self.path.append(name)
        if self._deleted or attributes.get("revised") == "delete":
            self._deleted += 1
        if name == "text" and self.path[-2:-1] == ["nonXMLBody"]:
            self.content_type = attributes.get("mediaType")
        if name in _BREAKS and self._in_narrative():
            self.written.append("\n")
        elif name in ("td", "th") and self._in_narrative():
            self.written.append("\t")

    def end(self, _name: str) -> None:
        if self._in_narrative():
            if self.path[-1] == "title":
                self.written.append(":\n")
            elif self.path[-1] in _BREAKS:
                self.written.append("\n")
        if self._deleted:
            self._deleted -= 1
        self.path.pop()

    def characters(self, words: str) -> None:
        if "nonXMLBody" in self.path:
            self.data.append(words)
        elif self._in_narrative() and not self._deleted:
            blank = words.isspace()
            self.written.append(" " if blank else words.replace("\n", " "))

    def _in_narrative(self) -> bool:
        if "section" not in self.path:
            return False
        below = self.path[len(self.path) - self.path[::-1].index("section") :]
        return bool(below) and below[0] in ("title", "text")


def cda_narrative(data: bytes) -> Narrative:
    """The narrative; raises `expat.ExpatError` for bad XML and `EntityRefused`."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.EntityDeclHandler = _refuse
    parser.Parse(data, True)
    lines = (" ".join(line.split()) for line in "".join(reader.written).split("\n"))
    text = "\n".join(line for line in lines if line and line != ":")
    body = "".join(reader.data).strip()
    return Narrative(text, body or None, reader.content_type)


def _refuse(*_: object) -> None:
    raise EntityRefused
