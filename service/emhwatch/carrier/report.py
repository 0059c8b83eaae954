"""All text of one DiagnosticReport, joined from its carriers; the same words in several forms are read once.

Carriers in the order of trust: presentedForm, notes, media and documents that the report points to, result
Observations, conclusion, and last the narrative, which in most systems repeats or only labels the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from emhwatch.carrier.attachment import DEFAULT_LIMITS, decode_base64, plain, read_attachment
from emhwatch.carrier.markup import html_text
from emhwatch.carrier.part import TextPart
from emhwatch.carrier.result import CarrierText, Limits, Reason
from emhwatch.carrier.same import current
from emhwatch.model.shape import objects, text
from emhwatch.types import Resource

#: Gives what a Reference (or its string) names among the resources at hand: a resource, bytes, or None.
Resolve = Callable[[Resource | str], Resource | bytes | None]

_HEADING = "CONCLUSION:"  #: of the element `conclusion`; a heading in every language that is read
_VOID = frozenset(("entered-in-error", "cancelled", "superseded"))
_DEPTH = 4  #: of groups in groups
_MOST_RESULTS = 500


@dataclass(frozen=True, slots=True)
class Missing:
    """A carrier that could not be read, or not in whole."""

    path: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class ReportTexts:
    """The text of a report, and what is missing of it."""

    text: str | None
    parts: tuple[TextPart, ...] = ()  #: as joined, in order
    missing: tuple[Missing, ...] = ()
    repeated: tuple[str, ...] = ()  #: paths left out: same words as another part, an older version or a translation


def report_text(
    report: Resource,
    resolve: Resolve,
    *,
    limits: Limits = DEFAULT_LIMITS,
    languages: Sequence[str] = ("en", "fr"),
) -> ReportTexts:
    """Join the carriers of a report. Never raises for what the report or an attachment holds."""
    gathered = _Gathered(report, resolve, limits)
    gathered.forms("presentedForm", objects(report, "presentedForm"))
    gathered.notes(report)
    gathered.linked()
    for path, observation in gathered.results(report, "result", 0):
        gathered.observation(path, observation)
    conclusion = text(report, "conclusion")
    only_conclusion = not gathered.parts
    if conclusion:
        gathered.add("conclusion", plain(conclusion))
    if only_conclusion or text(_narrative(report), "status") == "additional":
        gathered.narrative()
    kept, repeated = current(gathered.parts, languages)
    return ReportTexts(_joined(kept), tuple(kept), tuple(gathered.missing), tuple(repeated))


def _joined(parts: Sequence[TextPart]) -> str | None:
    pieces = []
    for part in parts:
        headed = part.path == "conclusion" and len(parts) > 1
        pieces.append(f"{_HEADING} {part.text}" if headed else part.text)
    return "\n\n".join(piece.strip("\n") for piece in pieces) or None


def _narrative(report: Resource) -> Resource:
    node = report.get("text")
    return node if isinstance(node, dict) else {}


@dataclass(slots=True)
class _Gathered:
    """Parts and gaps as they are found."""

    report: Resource
    resolve: Resolve
    limits: Limits
    parts: list[TextPart] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def add(self, path: str, words: str, language: str | None = None, date: str = "") -> None:
        if not words.strip():
            return
        room = self.limits.characters - sum(len(part.text) for part in self.parts)
        if len(words) > room:
            self.missing.append(Missing(path, Reason.CUT))
            words = words[: max(room, 0)].rpartition("\n")[0]
        if words.strip():
            self.parts.append(TextPart(path, words, language, date))

    def forms(self, path: str, attachments: Sequence[Resource], depth: int = 0) -> None:
        for number, attachment in enumerate(attachments):
            place = f"{path}[{number}]"
            found = self._attachment(attachment, place, depth)
            if found is None:
                continue
            if found.reason:
                self.missing.append(Missing(place, found.reason))
            if found.text:
                self.add(place, found.text, text(attachment, "language"), text(attachment, "creation") or "")

    def notes(self, node: Resource, path: str = "") -> None:
        for number, note in enumerate(objects(node, "note")):
            self.add(f"{path}note[{number}]", plain(text(note, "text") or ""), date=text(note, "time") or "")
        for number, extension in enumerate(objects(node, "extension")):
            place = f"{path}extension[{number}]"
            for note in objects(extension, "valueAnnotation"):
                self.add(place, plain(text(note, "text") or ""), date=text(note, "time") or "")
            self.forms(place, objects(extension, "valueAttachment"))

    def linked(self) -> None:
        """Documents and media that the report points to."""
        links = [link for media in objects(self.report, "media") for link in objects(media, "link")]
        links += [ref for item in objects(self.report, "extension") for ref in objects(item, "valueReference")]
        for name in ("supportingInfo", "composition"):
            links += [reference for item in objects(self.report, name) for reference in _references(item)]
        for link in links:
            target = self._target(link)
            if isinstance(target, dict):
                self._document(target, "linked", 0)

    def results(self, node: Resource, element: str, depth: int) -> Iterator[tuple[str, Resource]]:
        """Result Observations in order, the members of groups after their group."""
        for number, reference in enumerate(objects(node, element)):
            place = f"{element}[{number}]"
            target = self._target(reference)
            if not isinstance(target, dict) or target.get("resourceType") != "Observation":
                if target is None and depth == 0:
                    self.missing.append(Missing(place, Reason.NOT_AVAILABLE))
                continue
            if id(target) in self.seen or len(self.seen) >= _MOST_RESULTS:
                continue
            self.seen.add(id(target))
            if text(target, "status") in _VOID:
                continue
            yield place, target
            if depth < _DEPTH:
                yield from self.results(target, "hasMember", depth + 1)

    def observation(self, path: str, observation: Resource) -> None:
        lines = [_labelled(observation)]
        lines += [_labelled(component) for component in objects(observation, "component")]
        self.add(path, "\n".join(line for line in lines if line))
        self.notes(observation, f"{path}.")
        self.forms(path, objects(observation, "valueAttachment"))

    def narrative(self) -> None:
        div = text(_narrative(self.report), "div")
        if div and len(div) <= self.limits.content_bytes:
            self.add("text.div", html_text(div))
        elif div:
            self.missing.append(Missing("text.div", Reason.TOO_LARGE))

    def _attachment(self, attachment: Resource, path: str, depth: int) -> CarrierText | None:
        content_type = text(attachment, "contentType")
        data = text(attachment, "data")
        if data:
            return _decoded(data, content_type, self.limits)
        url = text(attachment, "url")
        if url is None:
            return CarrierText(None, Reason.EMPTY)
        target = self._target(url)
        if isinstance(target, bytes):
            return read_attachment(target, content_type, limits=self.limits)
        if target is None:
            return CarrierText(None, Reason.NOT_AVAILABLE)
        if target.get("resourceType") == "Binary":
            written = text(target, "data")
            kind = text(target, "contentType") or content_type
            return _decoded(written, kind, self.limits) if written else CarrierText(None, Reason.EMPTY)
        return None if self._document(target, path, depth) else CarrierText(None, Reason.NOT_AVAILABLE)

    def _document(self, resource: Resource, path: str, depth: int) -> bool:
        """Attachments of a DocumentReference or Media; False for other resources."""
        kind = resource.get("resourceType")
        if kind not in ("DocumentReference", "Media") or depth > 1 or id(resource) in self.seen:
            return False
        self.seen.add(id(resource))
        if text(resource, "status") in _VOID or text(resource, "docStatus") in _VOID:
            return True
        contents = objects(resource, "content")
        self.forms(path, contents if kind == "Media" else _attachments(contents), depth + 1)
        return True

    def _target(self, reference: Resource | str) -> Resource | bytes | None:
        written = reference if isinstance(reference, str) else text(reference, "reference")
        if written and written.startswith("#"):
            for contained in objects(self.report, "contained"):
                if text(contained, "id") == written[1:]:
                    return contained
        return self.resolve(reference)


def _references(item: Resource) -> list[Resource]:
    return [item] if "reference" in item else objects(item, "reference")


def _attachments(contents: Sequence[Resource]) -> list[Resource]:
    return [attachment for content in contents for attachment in objects(content, "attachment")]


def _decoded(written: str, content_type: str | None, limits: Limits) -> CarrierText:
    if len(written) > limits.data_bytes * 2:
        return CarrierText(None, Reason.TOO_LARGE)
    data, reason = decode_base64(written)
    if not data:
        return CarrierText(None, reason)
    found = read_attachment(data, content_type, limits=limits)
    return CarrierText(found.text, found.reason or reason, found.format)


def _labelled(node: Resource) -> str:
    """`label: words` of an Observation or a component with words."""
    words = text(node, "valueString")
    if not words:
        return ""
    code = node.get("code")
    label = ""
    if isinstance(code, dict):
        codings = objects(code, "coding")
        label = text(code, "text") or next((d for coding in codings if (d := text(coding, "display"))), "")
    return f"{label}: {plain(words)}" if label else plain(words)
