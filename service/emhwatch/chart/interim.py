"""Bridge to the reader and the carriers while they are being built; empty results until then."""

from importlib import import_module
from typing import Any

from emhwatch.model.reading import Reading
from emhwatch.tables.load import TableSet


def read_report(words: str, tables: TableSet, modality: str | None) -> Reading | None:
    """The reader, when it is there."""
    try:
        module: Any = import_module("emhwatch.text.read")
        text_tables = tables.text
    except ImportError:
        return None
    reading: Reading = module.read_report(words, text_tables, modality=modality)
    return reading


def report_text(report: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Text of a report until the carriers are there."""
    import base64
    import binascii

    parts = []
    for form in report.get("presentedForm") or []:
        if str(form.get("contentType", "text/plain")).startswith("text/plain") and isinstance(form.get("data"), str):
            try:
                parts.append(base64.b64decode(form["data"]).decode("utf-8", "replace"))
            except (binascii.Error, ValueError):
                continue
    if isinstance(report.get("conclusion"), str) and report["conclusion"] not in "".join(parts):
        parts.append("IMPRESSION: " + report["conclusion"])
    return ("\n\n".join(parts) or None), ()
