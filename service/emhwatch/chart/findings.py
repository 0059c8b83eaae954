"""Coded findings that are no Conditions: Observations, and what an ImagingStudy is coded with."""

from collections.abc import Iterator

from emhwatch.chart.codes import Coded, coded, side, sites
from emhwatch.chart.dates import written
from emhwatch.chart.index import Located
from emhwatch.chart.model import CodedFinding, CodeHit, Report, Study
from emhwatch.chart.reports import accessions, study_modality
from emhwatch.chart.scope import Scope
from emhwatch.model.days import Days
from emhwatch.model.shape import concepts, flag, objects, text
from emhwatch.types import Resource, Side, Value

_LAB_ROLES = frozenset(("lab", "lab-excluded"))


def read_findings(scope: Scope, located: Located, code: Coded) -> Iterator[CodedFinding]:
    """Findings of one Observation and its components: the code with its answer, or the coded answer itself."""
    if scope.status(located) != "usable":
        return
    nodes = [located.resource, *(c for c in objects(located.resource, "component") if not c.get("modifierExtension"))]
    for node in nodes:
        question = code if node is located.resource else coded(scope, concepts(node, "code"))
        answer = coded(scope, concepts(node, "valueCodeableConcept"))
        if not question.hits and not answer.hits:
            continue
        value, hits = _answer(scope, node, question, answer)
        hits = tuple(hit for hit in hits if hit.role not in _LAB_ROLES)
        if not hits:
            continue
        body = coded(scope, concepts(located.resource, "bodySite"))
        places = sites(scope, body, question, answer)
        scope.use(located)
        yield CodedFinding(
            reference=located.reference,
            version=located.version,
            days=scope.past(scope.days(_effective(located), located, "effective[x]")),
            hits=sited(scope, hits, places),
            value=value,
            origin="Observation",
            sites=places,
            side=side(scope, body),
            text=question.title or answer.title,
        )


def sited(scope: Scope, hits: tuple[CodeHit, ...], places: tuple[str, ...]) -> tuple[CodeHit, ...]:
    """Hits with the key that a finding without a place gets from the site beside it (`mappings/chart/sited.csv`)."""
    found = []
    for hit in hits:
        keys = [key for place in places if (key := scope.chart.sited.get((hit.concept, place)))]
        named = (*hit.keys, *dict.fromkeys(keys))
        found.append(CodeHit(hit.concept, named, hit.role, hit.coding, hit.value, hit.rival))
    return tuple(found)


def read_study(scope: Scope, located: Located, reports: tuple[Report, ...]) -> tuple[Study, list[CodedFinding]]:
    """One ImagingStudy with its reports, and the findings that it is coded with."""
    node = located.resource
    days = scope.past(scope.days(text(node, "started"), located, "started"))
    series = objects(node, "series")
    body = coded(scope, [site for item in series for site in concepts(item, "bodySite")])
    lateral = coded(scope, [item for one in series for item in concepts(one, "laterality")])
    reason, procedure = coded(scope, concepts(node, "reasonCode")), coded(scope, concepts(node, "procedureCode"))
    use = scope.status(located)
    title = text(node, "description") or procedure.title
    notes = [note for item in objects(node, "note") if (note := text(item, "text"))]
    spoken = [part for part in (text(node, "description"), *reason.texts, *notes) if part]
    places = sites(scope, body)
    study = Study(
        reference=located.reference,
        version=located.version,
        days=days,
        hits=procedure.hits,
        status=text(node, "status") or "",
        usable=use == "usable",
        modality=study_modality(scope, node),
        title=title,
        words=scope.read(". ".join(spoken) or None) if use == "usable" else None,
        reports=_reports_of(scope, located, reports),
        sites=places,
    )
    findings = []
    if use == "usable":
        scope.use(located)
        for origin, found in (("reasonCode", reason), ("procedureCode", procedure), ("bodySite", body)):
            if found.hits:
                findings.append(_of_study(scope, located, days, origin, found, places, side(scope, lateral)))
    return study, findings


def _of_study(
    scope: Scope,
    located: Located,
    days: Days | None,
    origin: str,
    found: Coded,
    places: tuple[str, ...],
    lateral: Side | None,
) -> CodedFinding:
    return CodedFinding(
        reference=located.reference,
        version=located.version,
        days=days,
        hits=sited(scope, found.hits, places),
        value=Value.PRESENT,
        origin=f"ImagingStudy.{origin}",
        sites=places,
        side=lateral,
        text=found.title,
        report=located.reference,
    )


def _reports_of(scope: Scope, located: Located, reports: tuple[Report, ...]) -> tuple[str, ...]:
    """Reports of a study: they name it, or share its accession or order."""
    numbers = accessions(located.resource)
    orders = {text(ref, "reference") for ref in objects(located.resource, "basedOn")} - {None}
    found = []
    for report in reports:
        source = scope.index.resolve(report.reference, None) if report.reference else None
        shared = numbers & accessions(source.resource) if source else frozenset()
        if located.reference in report.studies or shared or (orders & set(report.based_on) and not report.studies):
            found.append(report.reference or "")
    return tuple(sorted(found))


def _answer(scope: Scope, node: Resource, question: Coded, answer: Coded) -> tuple[Value, tuple[CodeHit, ...]]:
    """Value and codes: a finding asked for and answered, or an answer that is the finding."""
    if node.get("dataAbsentReason"):
        return Value.UNKNOWN, ()
    said = _said(scope, node, answer)
    keyed = any(hit.keys for hit in answer.hits)
    if question.hits and (not answer.hits or any(hit.keys for hit in question.hits)):
        return said or Value.PRESENT, (*question.hits, *answer.hits) if keyed else question.hits
    return said or Value.PRESENT, answer.hits


def _said(scope: Scope, node: Resource, answer: Coded) -> Value | None:
    boolean = flag(node, "valueBoolean")
    if boolean is not None:
        return Value.PRESENT if boolean else Value.ABSENT
    flags = coded(scope, concepts(node, "interpretation"))
    signs = scope.chart.answers
    string = text(node, "valueString")
    words = Coded(texts=(string,)) if string and len(string) < 40 else Coded()
    for found in (
        answer.names(signs),
        signs.by_words(answer.words, longest=True) if not answer.hits else set(),
        signs.by_words(words.words, longest=True),
        flags.names(signs),
    ):
        if found:
            return Value(signs.ordered(found)[-1])
    return None


def _effective(located: Located) -> str | None:
    holder = written(located.parent.resource, "effective") if located.parent else None
    return written(located.resource, "effective") or holder or text(located.resource, "issued")
