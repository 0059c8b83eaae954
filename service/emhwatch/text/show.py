"""A reading for people and for programs (`interface.md` 3)."""

from typing import Any

from emhwatch.model.reading import Finding, Reading
from emhwatch.types import Value

_MARKS = {Value.PRESENT: "+", Value.POSSIBLE: "?", Value.ABSENT: "-", Value.UNKNOWN: "o"}


def as_json(reading: Reading) -> dict[str, Any]:
    """The reading as the command line prints it."""
    return {
        "language": reading.language,
        "supported": reading.supported,
        "sections": [{"name": s.name, "start": s.start, "end": s.end} for s in reading.sections],
        "findings": [_finding(finding) for finding in reading.findings],
        "masses": [
            {
                "value": mass.value,
                "site_class": mass.site_class,
                "sites": list(mass.site_keys),
                "side": mass.side,
                "levels": list(mass.levels),
                "size_mm": mass.size_mm,
                "count": mass.count,
                "temporality": mass.temporality,
                "start": mass.start,
                "end": mass.end,
                "text": mass.text,
            }
            for mass in reading.masses
        ],
        "measurements": [
            {
                "analyte": m.analyte,
                "value": m.value,
                "unit": m.unit,
                "comparator": m.comparator,
                "start": m.start,
                "end": m.end,
                "text": m.text,
            }
            for m in reading.measurements
        ],
        "notes": list(reading.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    cue = finding.cue
    return {
        "key": finding.key,
        "value": finding.value,
        "start": finding.start,
        "end": finding.end,
        "text": finding.text,
        "section": finding.section,
        "certainty": finding.certainty,
        "temporality": finding.temporality,
        "experiencer": finding.experiencer,
        "levels": list(finding.levels),
        "side": finding.side,
        "size_mm": finding.size_mm,
        "mass": finding.mass,
        "pooled": finding.pooled,
        "rule": cue.rule if cue else None,
        "cue": cue.text if cue and cue.text else None,
    }


def marked(reading: Reading) -> str:
    """The text with its findings in brackets, and a line for each finding with its cue and rule."""
    if not reading.supported:
        return f"{reading.text}\n\nLanguage not supported: nothing was read."
    pieces, at = [], 0
    numbers: dict[tuple[int, int], list[int]] = {}
    for number, finding in enumerate(reading.findings, 1):
        numbers.setdefault((finding.start, finding.end), []).append(number)
    for (start, end), found in sorted(numbers.items()):
        if start >= at:
            label = ",".join(map(str, found))
            pieces += [reading.text[at:start], "[", reading.text[start:end], f"]{{{label}}}"]
            at = end
    pieces.append(reading.text[at:])
    lines = [_line(number, finding) for number, finding in enumerate(reading.findings, 1)]
    return "".join(pieces).rstrip() + "\n\n" + "\n".join(lines or ["No findings."])


def _line(number: int, finding: Finding) -> str:
    cue = finding.cue
    parts = [f"{number:3} {_MARKS[finding.value]} {finding.key}: {finding.value}", f"[{finding.section}]"]
    if finding.mass is not None:
        parts.append(f"mass {finding.mass + 1}")
    if finding.pooled:
        parts.append("pooled")
    if finding.temporality != "current":
        parts.append(str(finding.temporality))
    if finding.experiencer != "patient":
        parts.append("another person")
    parts.append("“" + " ".join(finding.text.split()) + "”")
    if cue and cue.text:
        parts.append("cue “" + " ".join(cue.text.split()) + "”")
    if cue:
        parts.append(f"({cue.rule})")
    return " ".join(parts)
