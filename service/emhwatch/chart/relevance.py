"""Whether a changed resource can decide anything, and which reports it bears on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from emhwatch.chart.codes import Coded, coded
from emhwatch.chart.dates import utc, written
from emhwatch.chart.documents import as_report
from emhwatch.chart.drugs import KINDS as DRUG_KINDS
from emhwatch.chart.index import Index, Located, build_index
from emhwatch.chart.model import ReportKind
from emhwatch.chart.orders import BIOPSY, kinds
from emhwatch.chart.reports import accessions, kind_of, modality_of
from emhwatch.chart.scope import Scope
from emhwatch.model.options import SiteOptions
from emhwatch.model.shape import concepts, obj, objects, text
from emhwatch.tables.load import TableSet
from emhwatch.types import Resource

_UTC = ZoneInfo("UTC")
_ALWAYS = frozenset(("DiagnosticReport", "ImagingStudy", "Patient", "Condition", *DRUG_KINDS))


def concerns_us(resource: Resource, tables: TableSet) -> bool:
    """Whether a change of this resource can change an assessment. Our own Observations cannot."""
    kind = text(resource, "resourceType") or ""
    if kind in _ALWAYS:
        return True
    scope = _scope(tables)
    nodes = concepts(resource, "code") + [c for part in objects(resource, "component") for c in concepts(part, "code")]
    code = coded(scope, nodes)
    if kind == "Observation":
        names = code.names(tables.chart.analytes) or tables.chart.analytes.by_words(code.words)
        values = coded(scope, concepts(resource, "valueCodeableConcept"))
        keyed = any(hit.keys for hit in (*code.hits, *values.hits))
        return bool(names - {"none"}) or keyed or bool(code.names(tables.chart.pregnancy))
    if kind in ("Procedure", "ServiceRequest"):
        return bool(kinds(scope, coded(scope, [*nodes, *concepts(resource, "category")]), code))
    return kind in ("DocumentReference", "Composition") and as_report(scope, _located(resource)) is not None


def is_biopsy(order: Resource, tables: TableSet) -> bool:
    """Whether an order asks for a biopsy, of whatever site."""
    scope = _scope(tables)
    title = coded(scope, [*concepts(order, "code"), *concepts(order, "orderDetail")])
    return BIOPSY in kinds(scope, coded(scope, [*concepts(order, "code"), *concepts(order, "category")]), title)


def subject_of(resource: Resource) -> Resource:
    """The reference to the patient."""
    return obj(resource, "subject") or obj(resource, "patient")


def is_imaging(resource: Resource, tables: TableSet) -> bool:
    """Whether a DiagnosticReport may state a mass: it is of imaging, or says of nothing else what it is."""
    scope = _scope(tables)
    code, category = coded(scope, concepts(resource, "code")), coded(scope, concepts(resource, "category"))
    signs = Coded((*code.hits, *category.hits), (*code.codings, *category.codings), (*code.texts, *category.texts))
    imaging = bool(resource.get("imagingStudy")) or modality_of(scope, code, category) is not None
    found = kind_of(signs, scope, imaging=imaging)
    return found is ReportKind.IMAGING or (found is ReportKind.OTHER and not signs.all_names(tables.chart.report_kinds))


def newest_imaging(resources: Sequence[Resource], tables: TableSet) -> str | None:
    """The newest imaging report that counts, else the newest study."""
    for kind, element in (("DiagnosticReport", "effective"), ("ImagingStudy", "started")):
        found = []
        for entry in build_index(resources, tables.chart).of(kind):
            use = tables.chart.use(kind, text(entry.resource, "status"))
            wanted = kind != "DiagnosticReport" or is_imaging(entry.resource, tables)
            if use in ("usable", "preliminary") and wanted and entry.reference:
                when = written(entry.resource, element) or text(entry.resource, element)
                moment = utc(when or text(entry.resource, "issued"), _UTC) or ""
                found.append((moment, utc(text(entry.resource, "issued"), _UTC) or "", entry.reference))
        if found:
            return max(found)[2]
    return None


def reports_of_study(study: Resource, resources: Sequence[Resource], tables: TableSet) -> list[str]:
    """Reports that name the study, or share its accession or its order."""
    reference = f"ImagingStudy/{study.get('id')}"
    numbers = accessions(study)
    orders = {text(ref, "reference") for ref in objects(study, "basedOn")} - {None}
    found = []
    for entry in build_index(resources, tables.chart).of("DiagnosticReport"):
        named = {_bare(text(ref, "reference")) for ref in objects(entry.resource, "imagingStudy")}
        ordered = {text(ref, "reference") for ref in objects(entry.resource, "basedOn")}
        if reference in named or numbers & accessions(entry.resource) or (not named and orders & ordered):
            found.append(entry.reference or "")
    return [reference for reference in found if reference]


def states_mass(resource: Resource, tables: TableSet) -> bool:
    """Whether a Condition or Observation codes a mass at one of our sites."""
    scope = _scope(tables)
    nodes = concepts(resource, "code") + concepts(resource, "valueCodeableConcept")
    return any(hit.role == "mass" for hit in coded(scope, nodes).hits)


def attachments(resources: Sequence[Resource]) -> Iterator[str]:
    """Links to Binary resources in imaging and pathology reports and documents, newest first."""
    dated = []
    held = {f"Binary/{r.get('id')}" for r in resources if r.get("resourceType") == "Binary"}
    for resource in resources:
        kind = resource.get("resourceType")
        forms = objects(resource, "presentedForm") if kind == "DiagnosticReport" else []
        forms += [obj(c, "attachment") for c in objects(resource, "content")] if kind == "DocumentReference" else []
        when = utc(written(resource, "effective") or text(resource, "date") or text(resource, "issued"), _UTC) or ""
        for form in forms:
            url = text(form, "url")
            if url and "Binary/" in url and not form.get("data") and _bare(url) not in held:
                dated.append((when, url))
    return iter(dict.fromkeys(url for _, url in sorted(dated, reverse=True)))


def _bare(reference: str | None) -> str | None:
    """`Type/id` of a relative, absolute or versioned reference."""
    if reference is None:
        return None
    parts = reference.partition("/_history")[0].split("/")
    return "/".join(parts[-2:])


def _located(resource: Resource) -> Located:
    return Located(resource, text(resource, "resourceType") or "", None)


def _scope(tables: TableSet) -> Scope:
    now = datetime(1970, 1, 1, tzinfo=UTC)  # no date is judged here
    return Scope(tables, SiteOptions(), _UTC, now, now.date(), Index())
