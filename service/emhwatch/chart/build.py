"""Resources to the chart of one patient. Pure; never raises for data reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from emhwatch.chart.codes import coded
from emhwatch.chart.disorders import read_disorder, read_episode
from emhwatch.chart.documents import read_documents
from emhwatch.chart.drugs import KINDS as DRUG_KINDS
from emhwatch.chart.drugs import read_drug
from emhwatch.chart.findings import read_findings, read_study
from emhwatch.chart.identity import NOT_A_PATIENT, Patients, Person, identify
from emhwatch.chart.index import Located, build_index
from emhwatch.chart.labs import Labs, all_observations, read_measurements, read_observation
from emhwatch.chart.model import (
    Chart,
    CodedFinding,
    Disorder,
    Document,
    Drug,
    Entry,
    Episode,
    Gap,
    Identity,
    Order,
    Procedure,
    Report,
    Study,
    Transfusion,
)
from emhwatch.chart.orders import read_order, read_procedure
from emhwatch.chart.pregnancy import Pregnancies, read_pregnancy_condition, read_pregnancy_observation
from emhwatch.chart.reports import read_reports
from emhwatch.chart.scope import Scope
from emhwatch.model.options import SiteOptions
from emhwatch.model.shape import concepts, objects
from emhwatch.tables.load import TableSet
from emhwatch.types import Resource

#: What of a chart is read; other types (FamilyMemberHistory above all, policy 2.1) are never looked at.
_REPORT_KINDS = ("DiagnosticReport", "DocumentReference", "Composition")
_NOTE_KINDS = ("DocumentReference", "Composition", "ClinicalImpression")
#: Codes of `mappings/chart/reasons.csv` after which drugs that are not there may exist all the same.
_UNSEARCHED = frozenset(("fetch-drugs", "cut-off"))
_CHART_KINDS = frozenset(
    (
        *_REPORT_KINDS,
        *_NOTE_KINDS,
        *DRUG_KINDS,
        "Observation",
        "Condition",
        "Procedure",
        "ServiceRequest",
        "ImagingStudy",
    )
)


@dataclass(slots=True)
class _Found:
    """Entries as they are read."""

    labs: Labs = field(default_factory=Labs)
    pregnancies: Pregnancies = field(default_factory=Pregnancies)
    disorders: list[Disorder] = field(default_factory=list)
    findings: list[CodedFinding] = field(default_factory=list)
    drugs: list[Drug] = field(default_factory=list)
    transfusions: list[Transfusion] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)


def build_chart(
    resources: Sequence[Resource],
    *,
    focus: str | None,
    patient: str | None,
    now: datetime,
    tables: TableSet,
    options: SiteOptions = SiteOptions(),  # noqa: B008 - frozen
    draft_orders: Sequence[Resource] = (),
    incomplete: Sequence[str] = (),
    searched: bool = False,
) -> Chart:
    """The chart of the patient that `focus`, `draft_orders` and `patient` (hook or server) agree on.

    Args:
        resources: resources, or Bundles of them in any order; Bundles carry the `fullUrl` that references need.
        focus: "Type/id" of the report, study or other resource under evaluation.
        patient: "Patient/id" as the hook or the server names the patient; None: the focus decides.
        now: the evaluation instant; days are those of `options.timezone`.
        tables: terminology and mappings.
        options: what the site decides.
        draft_orders: unsigned orders of the hook context.
        incomplete: codes of what could not be fetched (`mappings/chart/reasons.csv`).
        searched: the resources are all that a server has, but for what `incomplete` names.
    """
    zone = ZoneInfo(options.timezone)
    index = build_index([*resources], tables.chart)
    scope = Scope(tables, options, zone, now, now.astimezone(zone).date(), index)
    scope.gaps += [*index.gaps, *(Gap(code) for code in incomplete)]
    drafts = [d for d in build_index([*draft_orders], tables.chart).entries if d.kind == "ServiceRequest"]
    patients = Patients.of(scope)
    focused = index.resolve(focus, None) if focus else None
    if focus and focused is None:
        scope.gap("focus-missing")
    person = identify(patients, focused, patient, drafts, index)
    known = searched and person.identity is Identity.RESOLVED and _UNSEARCHED.isdisjoint(incomplete)
    chart = Chart(identity=person.identity, patient=person.reference, t=scope.t, focus=focus, drug_list=known)
    if person.identity is Identity.MISMATCH:
        return _closed(scope, chart)
    scope.birth = person.birth
    mine = _mine(scope, patients, person, focused)
    return _closed(scope, _filled(scope, chart, person, mine, focused, drafts))


def _mine(scope: Scope, patients: Patients, person: Person, focus: Located | None) -> list[Located]:
    """The usable resources of the patient; without a patient the focus alone."""
    if person.identity is Identity.UNKNOWN:
        return [focus] if focus is not None and not _refused(scope, focus) else []
    found = []
    for entry in scope.index.entries:
        if entry.kind not in _CHART_KINDS:
            continue
        subject = patients.subject(entry)
        if subject == person.key:
            if not _refused(scope, entry):
                found.append(entry)
            continue
        reason = {None: "no-patient", NOT_A_PATIENT: "not-a-patient"}.get(subject, "other-patient")
        scope.gap(reason, entry)
        if subject is not None and entry.reference:
            scope.excluded.add(entry.reference)
    return found


def _refused(scope: Scope, entry: Located) -> bool:
    reason = scope.refused(entry)
    if reason:
        scope.gap(reason, entry)
    return reason is not None


def _filled(
    scope: Scope, chart: Chart, person: Person, mine: list[Located], focus: Located | None, drafts: list[Located]
) -> Chart:
    found = _Found()
    for record in person.records:
        scope.use(record)
    reports = read_reports(scope, _of(mine, *_REPORT_KINDS))
    in_reports = {key for entry in _of(mine, "DiagnosticReport") for key in _results(scope, entry)}
    notes = [e for e in mine if e.kind in _NOTE_KINDS or (e.kind == "Observation" and e.reference not in in_reports)]
    documents = read_documents(scope, notes)
    sources: list[Report | Document] = [*(r for r in reports if r.usable), *documents]
    for source in sources:
        scope.guarded(partial(read_measurements, scope, source, found.labs), None)
    for entry in mine:
        scope.guarded(partial(_read, scope, entry, reports, found), None, entry)
    for draft in drafts:
        order = scope.guarded(partial(read_order, scope, draft, draft=True), None, draft)
        if order is not None:
            found.orders = [o for o in found.orders if o.reference != order.reference or o.reference is None]
            found.orders.append(order)
    return _assembled(chart, person, focus, reports, documents, found, mine)


def _read(scope: Scope, entry: Located, reports: tuple[Report, ...], found: _Found) -> None:
    """One resource to the entries it is."""
    if entry.kind in ("Observation", "DiagnosticReport"):
        for observation in all_observations(scope, entry):
            if observation.parent is not None and _refused(scope, observation):
                continue
            code = coded(scope, concepts(observation.resource, "code"))
            if not read_observation(scope, observation, code, found.labs):
                read_pregnancy_observation(scope, observation, code, found.pregnancies)
                found.findings += read_findings(scope, observation, code)
    elif entry.kind == "Condition":
        disorder = read_disorder(scope, entry)
        if disorder is not None:
            found.disorders.append(disorder)
            found.episodes += [e for e in (read_episode(scope, entry, disorder),) if e]
            code = coded(scope, concepts(entry.resource, "code"))
            read_pregnancy_condition(scope, disorder, code, found.pregnancies)
    elif entry.kind in DRUG_KINDS:
        record = read_drug(scope, entry)
        if isinstance(record, Transfusion):
            found.transfusions.append(record)
        elif record is not None:
            found.drugs.append(record)
    elif entry.kind == "Procedure":
        procedure, transfusion, episode = read_procedure(scope, entry)
        found.procedures += [procedure] if procedure else []
        found.transfusions += [transfusion] if transfusion else []
        found.episodes += [episode] if episode else []
    elif entry.kind == "ServiceRequest":
        order = read_order(scope, entry)
        found.orders += [order] if order else []
    elif entry.kind == "ImagingStudy":
        study, coded_findings = read_study(scope, entry, reports)
        found.studies.append(study)
        found.findings += coded_findings


def _assembled(
    chart: Chart,
    person: Person,
    focus: Located | None,
    reports: tuple[Report, ...],
    documents: tuple[Document, ...],
    found: _Found,
    mine: list[Located],
) -> Chart:
    own = focus.reference if focus else None
    return Chart(
        identity=chart.identity,
        patient=chart.patient,
        t=chart.t,
        focus=chart.focus,
        focus_report=next((r for r in reports if own and r.reference == own), None),
        focus_study=next((s for s in found.studies if own and s.reference == own), None),
        focus_found=focus is not None,
        birth=person.birth,
        sex=person.sex,
        deceased=person.deceased,
        reports=reports,
        documents=documents,
        hemoglobin=found.labs.series(),
        labs=tuple(sorted(found.labs.values, key=lambda v: (v.analyte, *_key(v), v.original))),
        disorders=tuple(sorted(found.disorders, key=_key)),
        findings=tuple(sorted(found.findings, key=lambda f: (*_key(f), f.origin, f.text or "", f.value))),
        drugs=tuple(sorted(found.drugs, key=_key)),
        drug_list=chart.drug_list or any(entry.kind in DRUG_KINDS for entry in mine),
        transfusions=tuple(sorted(found.transfusions, key=_key)),
        procedures=tuple(sorted(found.procedures, key=_key)),
        orders=tuple(sorted(found.orders, key=lambda o: (not o.draft, *_key(o)))),
        studies=tuple(sorted(found.studies, key=_key)),
        episodes=tuple(sorted(found.episodes, key=lambda e: (*_key(e), e.kind))),
        pregnancies=found.pregnancies.spans(),
        hb_rejected=tuple(sorted(found.labs.rejected, key=lambda d: (d is not None, d))),
    )


def _closed(scope: Scope, chart: Chart) -> Chart:
    """The chart with what was noted on the way."""
    gaps = tuple(sorted(set(scope.gaps), key=lambda g: (g.code, g.reference or "", g.element or "")))
    labels = tuple(sorted(scope.labels, key=lambda c: (c.system, c.code, c.display or "")))
    words = {gap.code: scope.chart.reasons.get(gap.code, gap.code) for gap in gaps}
    return replace(chart, gaps=gaps, sources=tuple(sorted(scope.used)), security=labels, words=words)


def _key(entry: Entry) -> tuple[object, ...]:
    return (entry.days is not None, entry.days, entry.reference or "")


def _of(entries: list[Located], *kinds: str) -> list[Located]:
    return [entry for entry in entries if entry.kind in kinds]


def _results(scope: Scope, report: Located) -> set[str | None]:
    """Observations that a report lists as its results; their text is read with the report."""
    found = (scope.index.resolve(ref, report) for ref in objects(report.resource, "result"))
    return {item.reference for item in found if item and item.reference}
