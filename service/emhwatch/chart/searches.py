"""Which searches make a chart. Names of search parameters are those of FHIR R4."""

from collections.abc import Sequence
from dataclasses import dataclass

from emhwatch.chart.labs import HEMOGLOBIN
from emhwatch.tables.load import TableSet

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Search:
    """One search of the patient's records."""

    kind: str
    params: Params
    plain: Params  #: the same without what a server may not support
    limit: int
    code: str  #: what is missing when it fails, a row of `mappings/chart/reasons.csv`


def plan(patients: Sequence[str], tables: TableSet) -> list[Search]:
    """The searches for one patient, all merged records at once.

    Hemoglobin and its companions are asked for by code, so that no amount of other Observations can crowd them out;
    the newest other Observations follow for findings, pregnancy and laboratories with codes of their own.
    """
    codes = lab_codes(tables)
    searches = [
        _search("DiagnosticReport", patients, "date", 300, "fetch-reports", "result", "specimen"),
        _search("Observation", patients, "date", 600, "fetch-hemoglobin"),
        _search("Condition", patients, "recorded-date", 600, "fetch-conditions"),
        _search("ServiceRequest", patients, "authored", 300, "fetch-orders"),
        _search("Procedure", patients, "date", 400, "fetch-procedures"),
        _search("ImagingStudy", patients, "started", 200, "fetch-studies"),
        _search("MedicationRequest", patients, "authoredon", 300, "fetch-drugs", "medication"),
        _search("MedicationStatement", patients, "effective", 300, "fetch-drugs", "medication"),
        _search("MedicationAdministration", patients, "effective-time", 300, "fetch-drugs", "medication"),
        _search("DocumentReference", patients, "date", 60, "fetch-documents"),
    ]
    if codes:
        labs = _search("Observation", patients, "date", 1000, "fetch-hemoglobin")
        wanted = ("code", ",".join(codes))
        searches.append(Search(labs.kind, (*labs.params, wanted), (*labs.plain, wanted), labs.limit, labs.code))
    return searches


def person(ident: str) -> list[Search]:
    """The patient's own record, and those that were merged into it."""
    own, merged = (("_id", ident),), (("link", f"Patient/{ident}"),)
    return [Search("Patient", own, own, 2, "fetch-patient"), Search("Patient", merged, merged, 200, "fetch-patient")]


def lab_codes(tables: TableSet) -> list[str]:
    """`system|code` of every known code of hemoglobin and of the analytes beside it."""
    signs, systems = tables.chart.analytes, tables.codes.systems.by_key
    wanted = set(signs.names) - {"none"}
    known = [
        f"{systems[entry.system].url}|{entry.code}"
        for entry in tables.codes.entries()
        if entry.role == "lab" and signs.by_meaning([f"{entry.role}/{entry.value}"]) & wanted
    ]
    own = [f"{systems[system].url}|{code}" for (system, code), names in signs.codes.items() if HEMOGLOBIN in names]
    return list(dict.fromkeys((*known, *own)))


def _search(kind: str, patients: Sequence[str], newest: str, limit: int, code: str, *includes: str) -> Search:
    who = ("patient", ",".join(patients))
    more = tuple(("_include", f"{kind}:{name}") for name in includes)
    return Search(kind, (who, ("_sort", f"-{newest}"), *more), (who,), limit, code)
