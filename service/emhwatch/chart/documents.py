"""DocumentReference and Composition as reports, and other free text as documents."""

import base64
from collections.abc import Iterable
from functools import partial

from emhwatch.chart.codes import coded
from emhwatch.chart.dates import written
from emhwatch.chart.index import Located
from emhwatch.chart.model import Document
from emhwatch.chart.scope import Scope
from emhwatch.chart.text import joined_text
from emhwatch.model.shape import concepts, obj, objects, text
from emhwatch.types import Resource

_SHORTEST = 12  #: code points of a text Observation that may be a sentence
_DEPTH = 5  #: sections in sections


def as_report(scope: Scope, located: Located) -> Resource | None:
    """A resource as a DiagnosticReport; None when it is a document and no report."""
    if located.kind == "DiagnosticReport":
        return located.resource
    nodes = [*concepts(located.resource, "type"), *concepts(located.resource, "category")]
    if not coded(scope, nodes).all_names(scope.chart.report_kinds):
        return None
    return _rewritten(located)


def read_documents(scope: Scope, found: Iterable[Located]) -> tuple[Document, ...]:
    """Notes, letters and text Observations that count, each read once."""
    read = (scope.guarded(partial(_document, scope, located), None, located) for located in found)
    documents = [document for document in read if document is not None]
    return tuple(sorted(documents, key=lambda d: (d.days is not None, d.days, d.reference or ""), reverse=True))


def _document(scope: Scope, located: Located) -> Document | None:
    words = _words(scope, located)
    if words is None or scope.status(located, _status_element(located)) != "usable":
        return None
    days = scope.days(_date(located), located, "date")
    if days is not None and scope.past(days) is None:
        scope.gap("future", located)
        return None
    reading = scope.read(words)
    if reading is None:
        return None
    scope.use(located)
    return Document(
        reference=located.reference,
        version=located.version,
        days=scope.past(days),
        kind=located.kind,
        reading=reading,
    )


def _status_element(located: Located) -> str:
    return "docStatus" if located.kind == "DocumentReference" else "status"


def _date(located: Located) -> str | None:
    node = located.resource
    return written(node, "effective") or text(node, "date") or text(node, "issued")


def _words(scope: Scope, located: Located) -> str | None:
    """The text of a document that is no report."""
    node = located.resource
    if located.kind == "ClinicalImpression":
        notes = [text(n, "text") for n in objects(node, "note")]
        return "\n".join(part for part in (text(node, "description"), text(node, "summary"), *notes) if part) or None
    if located.kind == "Observation":
        value = text(node, "valueString")
        notes = [text(n, "text") for n in objects(node, "note")]
        parts = [value if value and len(value) >= _SHORTEST and " " in value else None, *notes]
        return "\n".join(part for part in parts if part) or None
    if as_report(scope, located) is not None or text(node, "status") in ("superseded", "entered-in-error"):
        return None
    return joined_text(scope, _rewritten(located), located).text


def _rewritten(located: Located) -> Resource:
    """The same content as a DiagnosticReport, so that one reader of carriers is enough."""
    node = located.resource
    if located.kind == "Composition":
        whole = text(obj(node, "text"), "div")
        divs = _narratives(objects(node, "section"), 0) or ([whole] if whole else [])
        forms = [_html(div) for div in divs]
    else:
        forms = [a for item in objects(node, "content") if (a := obj(item, "attachment"))]
    period = obj(obj(node, "context"), "period")
    return {
        "resourceType": "DiagnosticReport",
        "status": text(node, "docStatus") or text(node, "status"),
        "code": next(iter(concepts(node, "type")), {}),
        "category": concepts(node, "category"),
        "identifier": objects(node, "identifier"),
        "subject": node.get("subject"),
        "basedOn": objects(obj(node, "context"), "related"),
        "effectiveDateTime": text(period, "start") or text(node, "date"),
        "issued": text(node, "date"),
        "presentedForm": forms,
        "contained": objects(node, "contained"),
    }


def _narratives(sections: list[Resource], depth: int) -> list[str]:
    found = []
    for section in sections if depth < _DEPTH else []:
        title, div = text(section, "title"), text(obj(section, "text"), "div")
        if div:
            found.append(f"<p>{title}:</p>{div}" if title else div)
        found += _narratives(objects(section, "section"), depth + 1)
    return found


def _html(div: str) -> Resource:
    return {"contentType": "text/html; charset=utf-8", "data": base64.b64encode(div.encode()).decode()}
