"""An assessment as text for a person: what decided, what did not and why, the facts with their sources. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emhwatch.model.assessment import Assessment, Fact, HbPoint, MassAssessment, ReportUsed
from emhwatch.tables.load import TableSet

_WIDTH = 40  #: columns of the hemoglobin plot
_CUT = 60


def person_view(assessment: Assessment, tables: TableSet, cards: Sequence[Mapping[str, Any]]) -> str:
    """The whole view; every part that has nothing to say is left out."""
    parts = [
        _head(assessment, tables),
        *(_points(mass, tables) for mass in assessment.masses or ([assessment.whole] if assessment.whole else [])),
        _rows(assessment),
        _blood(assessment, tables),
        _table("Facts", [_fact(fact, tables) for fact in assessment.facts]),
        _table("Reports", [_report(report, tables) for report in assessment.reports]),
        _table("Missing", [[item.words, item.reference or ""] for item in assessment.missing]),
        *(_card(card) for card in cards),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(a: Assessment, tables: TableSet) -> str:
    lead = a.leading
    lines = [
        f"{a.focus or 'no report'}  {a.patient or 'patient unknown'}  on {a.t.isoformat()}",
        f"{a.indicator.upper()}  row {a.row}  tier {a.tier}  card {a.card or 'none'}",
    ]
    if a.blocked:
        lines.append(f"Nothing was decided: {tables.decision.words(a.blocked)}.")
    if a.error:
        lines.append(f"Error: {a.error}")
    if lead is not None:
        lines.append(
            f"Mass {lead.value} (site {lead.site_class or '-'}), blood {a.blood.grade}, danger {a.danger}, "
            f"biopsy {lead.biopsy}, histology {lead.histology}, names EMH {lead.names_emh}"
        )
        lines.append(f"Hold offered: {'yes' if a.hold_offered else 'no'}")
        if lead.source_reason:
            lines.append(f"The mass is only possible: {tables.decision.words(lead.source_reason)}.")
    lines.append(f"Rules {a.rules.version} ({a.rules.digest[:12]})")
    return "\n".join(lines)


def _points(mass: MassAssessment, tables: TableSet) -> str:
    name = f"Mass {mass.index + 1}" if mass.index >= 0 else "No mass"
    place = ", ".join(filter(None, (mass.site_class, mass.side, " ".join(mass.levels))))
    rows = [
        [item.group, f"{item.points:+d}" if item.group != "D" else f"-{item.points}", tables.keys.label(item.key),
         item.value, _where(item.fact)]
        for item in mass.items
    ]  # fmt: skip
    total = f"C {mass.supporting} - D {mass.opposing} = N {mass.net}" + (", a major item opposes" if mass.major else "")
    return _table(f"{name} ({place or 'place not stated'}), row {mass.row}, tier {mass.tier}: {total}", rows) or (
        f"{name} ({place or 'place not stated'}), row {mass.row}, tier {mass.tier}: {total}"
    )


def _rows(a: Assessment) -> str:
    rows = [
        [
            "" if trace.mass is None or len(a.masses) < 2 else f"mass {trace.mass + 1}",
            trace.row,
            "decided" if trace.fired else f"no: not {trace.failed}",
        ]
        for trace in a.trace
    ]
    return _table("Rows", rows)


def _blood(a: Assessment, tables: TableSet) -> str:
    words = {rule.id: rule.words for rule in tables.decision.grades.grounds}
    rows = [[ground.id, words.get(ground.id, ""), "; ".join(map(_where, ground.facts))] for ground in a.blood.grounds]
    return "\n".join(filter(None, (_table(f"Blood grade {a.blood.grade}", rows), hb_plot(a.blood.hb))))


def hb_plot(points: Sequence[HbPoint]) -> str:
    """One line a sample: `*` the value, `|` its limit, in g/L."""
    if not points:
        return ""
    values = [point.g_per_l for point in points] + [point.limit for point in points if point.limit is not None]
    low, high = min(values) - 5, max(values) + 5

    def column(value: float) -> int:
        return round((value - low) / (high - low) * (_WIDTH - 1))

    lines = [f"Hemoglobin, {low:.0f} to {high:.0f} g/L (* value, | limit)"]
    for point in points:
        canvas = [" "] * _WIDTH
        if point.limit is not None:
            canvas[column(point.limit)] = "|"
        canvas[column(point.g_per_l)] = "*"
        marks = [
            word
            for word, holds in (
                ("low", point.low),
                ("counts", point.counted_low),
                ("normal", point.usable_normal),
                ("acute episode", point.acute),
                ("no limit at this age", point.limit is None),
            )
            if holds
        ]
        limit = "-" if point.limit is None else f"{point.limit:.0f}"
        note = ", ".join(marks) or "normal after transfusion"
        lines.append(f"{point.date.isoformat()} [{''.join(canvas)}] {point.g_per_l:5.1f} / {limit}  {note}")
    return "\n".join(lines)


def _fact(fact: Fact, tables: TableSet) -> list[str]:
    mass = "" if fact.mass is None else f"mass {fact.mass + 1}"
    return [fact.key, fact.value, mass, fact.source, _where(fact), tables.keys.label(fact.key)]


def _where(fact: Fact | None) -> str:
    if fact is None:
        return ""
    place = [fact.reference, fact.date.isoformat() if fact.date else None]
    if fact.start is not None:
        place.append(f"{fact.section} {fact.start}-{fact.end}")
    if fact.code is not None:
        place.append(f"{fact.code.system}|{fact.code.code}")
    words = f'"{_short(fact.text)}"' if fact.text else ""
    return " ".join(filter(None, (*place, words)))


def _report(report: ReportUsed, tables: TableSet) -> list[str]:
    day = report.date.isoformat() if report.date else "no date"
    reason = tables.decision.words(report.reason) if report.reason else "read"
    return [report.reference, day, report.status, report.modality or "-", _short(report.title or ""), reason]


def _card(card: Mapping[str, Any]) -> str:
    offers = [f"  offer: {suggestion.get('label', '')}" for suggestion in card.get("suggestions", ())]
    return "\n".join([f"Card ({card.get('indicator')}): {card.get('summary')}", str(card.get("detail", "")), *offers])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CUT else line[: _CUT - 1] + "…"


def _table(title: str, rows: Iterable[Sequence[str]]) -> str:
    listed = [[str(cell) for cell in row] for row in rows]
    if not listed:
        return ""
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in listed
    ]
    return "\n".join([title, *lines])
