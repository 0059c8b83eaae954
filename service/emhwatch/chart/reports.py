"""DiagnosticReports, and the documents that are reports: kind, study, which version counts, text (policy 3.4)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from emhwatch.chart.codes import Coded, coded, sites
from emhwatch.chart.dates import utc, written
from emhwatch.chart.documents import as_report
from emhwatch.chart.index import Located
from emhwatch.chart.model import Report, ReportKind
from emhwatch.chart.scope import Scope
from emhwatch.chart.text import joined_text
from emhwatch.model.days import Days
from emhwatch.model.shape import concepts, obj, objects, text
from emhwatch.types import Resource

#: A report is of the first kind here that has a sign (`mappings/chart/report_kinds.csv`).
_KINDS = {
    "pathology": ReportKind.PATHOLOGY,
    "cardiology": ReportKind.OTHER,
    "imaging": ReportKind.IMAGING,
    "laboratory": ReportKind.LABORATORY,
}
_REVISED = frozenset(("amended", "corrected"))


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A report before it is decided whether it counts."""

    located: Located
    resource: Resource  #: as a DiagnosticReport
    report: Report
    code: Coded
    accessions: frozenset[str]
    studies: frozenset[str]
    orders: frozenset[str]
    start: str | None
    signed: bool  #: category or code say what kind of report it is


def read_reports(scope: Scope, found: Iterable[Located]) -> tuple[Report, ...]:
    """All reports of the patient, newest first, usable or not."""
    read = (scope.guarded(partial(_draft, scope, located), None, located) for located in found)
    drafts = [draft for draft in read if draft is not None]
    groups = _studies(drafts)
    unread = "not-readable"
    reports = [
        scope.guarded(
            partial(_finished, scope, draft, groups), replace(draft.report, usable=False, reason=unread), draft.located
        )
        for draft in drafts
    ]
    reports.sort(key=lambda r: (r.days is not None, r.days, r.issued or "", r.reference or ""), reverse=True)
    return tuple(reports)


def kind_of(code: Coded, scope: Scope, *, imaging: bool) -> ReportKind:
    """What a report is about; `imaging`: a study or modality says that it is of an examination."""
    names = code.all_names(scope.chart.report_kinds)
    found = next((kind for name, kind in _KINDS.items() if name in names), None)
    return found or (ReportKind.IMAGING if imaging else ReportKind.OTHER)


def modality_of(scope: Scope, *found: Coded) -> str | None:
    """DICOM modality by codes, else by words, the first `Coded` that says one."""
    signs = scope.chart.modalities
    for item in found:
        if names := signs.ordered(item.names(signs)) or signs.ordered(signs.by_words(item.words)):
            return names[0]
    return None


def study_modality(scope: Scope, study: Resource) -> str | None:
    """Modality of an ImagingStudy, from the study or its series."""
    nodes = objects(study, "modality") + [m for s in objects(study, "series") for m in objects(s, "modality")]
    known = scope.chart.modality_codes
    found = {known[code] for node in nodes for code in _codes(node) if code in known}
    return next((m for m in dict.fromkeys(known.values()) if m in found), None)


def accessions(resource: Resource) -> frozenset[str]:
    """Accession identifiers (v2-0203 ACSN)."""
    return frozenset(
        f"{text(item, 'system') or ''}|{value}"
        for item in objects(resource, "identifier")
        if (value := text(item, "value"))
        and any(text(c, "code") == "ACSN" for c in objects(obj(item, "type"), "coding"))
    )


def _codes(node: Resource) -> list[str]:
    """Codes of a Coding (R4) or a CodeableConcept (R5)."""
    return [code for item in (node, *objects(node, "coding")) if (code := text(item, "code"))]


def _draft(scope: Scope, located: Located) -> Draft | None:
    resource = as_report(scope, located)
    if resource is None:
        return None
    studies = [s for ref in objects(resource, "imagingStudy") if (s := scope.index.resolve(ref, located))]
    studies = [s for s in studies if s.kind == "ImagingStudy"]
    code = coded(scope, concepts(resource, "code"))
    category = coded(scope, concepts(resource, "category"))
    modality = modality_of(scope, code)
    modality = modality or next((m for s in studies if (m := study_modality(scope, s.resource))), None)
    modality = modality or modality_of(scope, category)
    signs = Coded((*code.hits, *category.hits), (*code.codings, *category.codings), (*code.texts, *category.texts))
    kind = kind_of(signs, scope, imaging=bool(studies or resource.get("imagingStudy")) or modality is not None)
    use = scope.status(located) if located.kind != "DocumentReference" else _document_use(scope, located)
    when = written(resource, "effective") or text(resource, "issued")
    days = scope.days(when, located, "effective[x]")
    if days is not None and scope.past(days) is None:
        scope.gap("future", located)
        return None
    if days is None:
        scope.gap("no-date", located)
    orders = [scope.index.resolve(ref, located) for ref in objects(resource, "basedOn")]
    named = [text(ref, "reference") for ref in objects(resource, "basedOn")]
    based_on = {o.reference for o in orders if o and o.reference} | {n for n in named if n and not all(orders)}
    conclusion = coded(scope, concepts(resource, "conclusionCode"))
    report = Report(
        reference=located.reference,
        version=located.version,
        days=scope.past(days),
        hits=code.hits,
        kind=kind,
        status=text(located.resource, "status") or "",
        usable=use in ("usable", "preliminary"),
        reason=None if use in ("usable", "preliminary") else "not-usable-status",
        withdrawn=use == "withdrawn",
        preliminary=use == "preliminary",
        issued=utc(text(resource, "issued"), scope.zone),
        modality=modality,
        title=code.title,
        reading=None,
        conclusions=conclusion.hits,
        conclusion_words=scope.read(". ".join(conclusion.unknown)) if not conclusion.hits else None,
        studies=tuple(sorted({s.reference for s in studies if s.reference})),
        based_on=tuple(sorted(based_on)),
        encounter=text(obj(resource, "encounter"), "reference"),
    )
    numbers = accessions(resource).union(*(accessions(s.resource) for s in studies))
    numbers = numbers.union(*(accessions(o.resource) for o in orders if o))
    references = frozenset(text(ref, "reference") or "" for ref in objects(resource, "imagingStudy")) - {""}
    start = utc(written(resource, "effective"), scope.zone)
    signed = bool(signs.all_names(scope.chart.report_kinds))
    return Draft(located, resource, report, code, numbers, references, frozenset(based_on), start, signed)


def _document_use(scope: Scope, located: Located) -> str:
    uses = {scope.status(located, "docStatus")}
    if text(located.resource, "status") in ("superseded", "entered-in-error"):
        uses.add("withdrawn")
    return next(use for use in ("withdrawn", "unusable", "preliminary", "usable") if use in uses)


def _studies(drafts: list[Draft]) -> dict[Draft, list[Draft]]:
    """Reports of one study: same accession, same ImagingStudy or order, or same code and same start.

    Two reports that both name an accession (or both an ImagingStudy), and not the same, are of two studies, also when
    one order asked for both.
    """
    buckets: dict[object, list[Draft]] = {}
    for draft in drafts:
        for token in (*draft.accessions, *draft.studies, *draft.orders):
            buckets.setdefault(token, []).append(draft)
        if draft.start and (draft.code.codings or draft.code.texts):
            buckets.setdefault((draft.start, draft.code.codings or draft.code.texts), []).append(draft)
    parent = {draft: draft for draft in drafts}

    def root(draft: Draft) -> Draft:
        while parent[draft] is not draft:
            draft = parent[draft]
        return draft

    for bucket in buckets.values():
        for other in bucket[1:]:
            if _may_be_one(bucket[0], other):
                parent[root(other)] = root(bucket[0])
    groups: dict[Draft, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(root(draft), []).append(draft)
    return {draft: group for group in groups.values() for draft in group}


def _may_be_one(one: Draft, other: Draft) -> bool:
    for mine, theirs in ((one.accessions, other.accessions), (one.studies, other.studies)):
        if mine and theirs:
            return bool(mine & theirs)
    return True


def _finished(scope: Scope, draft: Draft, groups: dict[Draft, list[Draft]]) -> Report:
    group = groups[draft]
    report = replace(draft.report, study=min(d.report.reference or "" for d in group))
    if report.usable and _replaced(draft, group):
        report = replace(report, usable=False, reason="replaced")
    if report.reason == "not-usable-status":
        scope.gap("status", draft.located)
    if not report.usable:
        return report
    scope.use(draft.located)
    joined = joined_text(scope, draft.resource, draft.located)
    modality = report.modality or modality_of(scope, Coded(texts=(joined.first_line,)))
    pathology = report.kind is ReportKind.PATHOLOGY
    reading = scope.report(joined.text, modality, pathology=pathology) if joined.text else None
    reason = None if reading and reading.supported else "language" if reading else "not-readable"
    report = replace(report, modality=modality, reading=reading, reason=reason, parts_missing=joined.missing)
    if report.kind is ReportKind.OTHER and joined.text and not draft.signed:
        report = replace(report, kind=ReportKind.IMAGING)  # nothing says what it is: its words decide
    return _with_specimen(scope, draft, report) if report.kind is ReportKind.PATHOLOGY else report


def _replaced(draft: Draft, group: list[Draft]) -> bool:
    """A final report replaces the preliminary ones of its study, a corrected one the earlier ones with its code."""
    others = [d for d in group if d is not draft and d.report.usable and d.report.kind is draft.report.kind]
    if draft.report.preliminary:
        return any(not d.report.preliminary for d in others)
    revised = [d for d in others if d.report.status in _REVISED and _same_code(d.code, draft.code)]
    return any((d.report.issued or "") > (draft.report.issued or "") for d in revised)


def _same_code(one: Coded, other: Coded) -> bool:
    return (one.codings or one.texts) == (other.codings or other.texts)


def _with_specimen(scope: Scope, draft: Draft, report: Report) -> Report:
    found = [s for ref in objects(draft.resource, "specimen") if (s := scope.index.resolve(ref, draft.located))]
    nodes: list[Resource] = [{"text": d} for r in objects(draft.resource, "specimen") if (d := text(r, "display"))]
    taken: list[Days] = []
    for specimen in found:
        collection = obj(specimen.resource, "collection")
        nodes += concepts(collection, "bodySite") + concepts(specimen.resource, "type")
        days = scope.past(scope.days(written(collection, "collected"), specimen, "collection.collected[x]"))
        taken += [days] if days else []
    words = coded(scope, nodes)
    return replace(
        report,
        sampled=min(taken, default=report.days),
        sites=sites(scope, words, draft.code),
        site_words=scope.read(". ".join(words.texts) or None),
    )
