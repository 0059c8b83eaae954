"""`mappings/chart/` with `terminology/units.csv` and `terminology/analytes.csv`: how resources become chart entries."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from emhwatch.tables import constants
from emhwatch.tables.signs import SignTable, parse_signs
from emhwatch.tables.source import Row, TableFiles

FOLDER = "mappings/chart"
ANALYTES = "terminology/analytes.csv"
USES = frozenset(("usable", "preliminary", "withdrawn", "unusable"))


@dataclass(frozen=True, slots=True)
class Conversion:
    """One unit of one analyte: value times `factor` is the value in `canonical`."""

    factor: float
    canonical: str
    low: float
    high: float
    ceiling: tuple[float, float] | None  #: where the upper reference limit must lie
    convention: str  #: "" or the site convention that it holds for


@dataclass(frozen=True, slots=True)
class Foreign:
    """An element of another FHIR version."""

    element: str
    version: str
    stands_for: str | None  #: the R4 element of the same meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTables:
    """Everything that reading a chart needs."""

    spellings: Mapping[str, str]  #: unit as `unit_spelling` gives it: UCUM code
    conversions: Mapping[tuple[str, str], tuple[Conversion, ...]]  #: (analyte, UCUM code)
    analytes: SignTable
    specimens: SignTable
    report_kinds: SignTable
    modalities: SignTable
    modality_codes: Mapping[str, str]
    flags: SignTable
    answers: SignTable
    sides: SignTable
    drugs: SignTable
    drug_keys: Mapping[str, str]  #: class: key of the policy
    procedures: SignTable
    sites: SignTable
    targets: Mapping[str, bool]  #: site: can it be that of the mass
    sited: Mapping[tuple[str, str], str]  #: (concept, site): key
    episodes: SignTable
    pregnancy: SignTable
    statuses: Mapping[tuple[str, str], str]  #: (resource, status): use
    certainty: Mapping[tuple[str, str], tuple[str | None, str | None]]  #: (extension, code): (verification, clinical)
    security: Mapping[tuple[str, str], bool]  #: (system, code): open
    security_systems: frozenset[str]
    foreign: Mapping[str, tuple[Foreign, ...]]
    foreign_types: frozenset[str]
    reasons: Mapping[str, str]

    def ucum(self, unit: str) -> str | None:
        """UCUM code of a unit as somebody wrote it, None when it is not known."""
        return self.spellings.get(unit_spelling(unit))

    def use(self, resource_type: str, status: str | None) -> str:
        """usable, preliminary, withdrawn or unusable; types without a status rule are usable."""
        if (resource_type, status or "-") in self.statuses:
            return self.statuses[resource_type, status or "-"]
        return "unusable" if any(kind == resource_type for kind, _ in self.statuses) else "usable"


def unit_spelling(unit: str) -> str:
    """A unit without blanks, case, dots at the end and look-alike letters."""
    letters = unicodedata.normalize("NFKC", unit).replace("\u00b5", "u").replace("\u03bc", "u")
    return "".join(letters.split()).casefold().strip(".")


def parse(files: TableFiles) -> ChartTables:
    """Read and check the tables; problems go to `files`."""
    sites = files.csv(f"{FOLDER}/sites.csv", ("name", "target"))
    security = files.csv(f"{FOLDER}/security.csv", ("system", "code", "use"))
    foreign = files.csv(f"{FOLDER}/foreign.csv", ("resource", "element", "version", "as"))
    spellings = _spellings(files)
    return ChartTables(
        spellings=spellings,
        conversions=_conversions(files),
        analytes=parse_signs(files, f"{FOLDER}/analytes.csv"),
        specimens=parse_signs(files, f"{FOLDER}/specimens.csv"),
        report_kinds=parse_signs(files, f"{FOLDER}/report_kinds.csv"),
        modalities=parse_signs(files, f"{FOLDER}/modalities.csv"),
        modality_codes={
            row["dicom"]: row["modality"] for row in files.csv(f"{FOLDER}/modality_codes.csv", ("dicom", "modality"))
        },
        flags=parse_signs(files, f"{FOLDER}/flags.csv"),
        answers=parse_signs(files, f"{FOLDER}/answers.csv"),
        sides=parse_signs(files, f"{FOLDER}/sides.csv"),
        drugs=parse_signs(files, f"{FOLDER}/drugs.csv"),
        drug_keys={row["class"]: row["key"] for row in files.csv(f"{FOLDER}/drug_keys.csv", ("class", "key"))},
        procedures=parse_signs(files, f"{FOLDER}/procedures.csv"),
        sites=parse_signs(files, f"{FOLDER}/sites.csv", more=("target",)),
        targets={row["name"]: _choice(files, row, "target", {"yes": True, "no": False}) for row in sites},
        sited={
            (row["concept"], row["site"]): row["key"]
            for row in files.csv(f"{FOLDER}/sited.csv", ("concept", "site", "key"))
        },
        episodes=parse_signs(files, f"{FOLDER}/episodes.csv"),
        pregnancy=parse_signs(files, f"{FOLDER}/pregnancy.csv"),
        statuses=_statuses(files),
        certainty={
            (row["extension"], row["code"]): (_dash(row["verification"]), _dash(row["clinical"]))
            for row in files.csv(f"{FOLDER}/certainty.csv", ("extension", "code", "verification", "clinical"))
        },
        security={
            (row["system"], row["code"]): _choice(files, row, "use", {"open": True, "restricted": False})
            for row in security
        },
        security_systems=frozenset(row["system"] for row in security),
        foreign=_foreign(foreign),
        foreign_types=frozenset(row["resource"] for row in foreign if not row["element"]),
        reasons={row["code"]: row["words"] for row in files.csv(f"{FOLDER}/reasons.csv", ("code", "words"))},
    )


def _dash(text: str) -> str | None:
    return None if text == "-" else text


def _choice(files: TableFiles, row: Row, column: str, choices: Mapping[str, bool]) -> bool:
    if row[column] not in choices:
        files.problem(row.file, row.line, row[column], f"unknown {column}", f"use {' or '.join(choices)}")
    return choices.get(row[column], False)


def _spellings(files: TableFiles) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in files.csv("terminology/units.csv", ("ucum", "spelling")):
        for text in (row["spelling"], row["ucum"]):
            spelling = unit_spelling(text)
            if found.setdefault(spelling, row["ucum"]) != row["ucum"]:
                files.problem(row.file, row.line, text, "this spelling already means another unit", "remove one")
    return found


def _conversions(files: TableFiles) -> dict[tuple[str, str], tuple[Conversion, ...]]:
    columns = ("analyte", "ucum", "factor", "canonical", "low", "high", "ceiling_min", "ceiling_max", "convention")
    named = constants.parse(files)
    found: dict[tuple[str, str], tuple[Conversion, ...]] = {}
    for row in files.csv(ANALYTES, columns):
        try:
            factor, low, high = float(row["factor"]), *(float(named.get(row[c], row[c])) for c in ("low", "high"))
            ceiling = (float(row["ceiling_min"]), float(row["ceiling_max"])) if row["ceiling_min"] else None
        except ValueError:
            files.problem(row.file, row.line, row["analyte"], "not a number", "write numbers with a point")
            continue
        if factor <= 0 or low >= high:
            files.problem(row.file, row.line, row["analyte"], "factor or limits make no sense", "correct them")
        conversion = Conversion(factor, row["canonical"], low, high, ceiling, row["convention"])
        key = (row["analyte"], row["ucum"])
        found[key] = (*found.get(key, ()), conversion)
    return found


def _statuses(files: TableFiles) -> dict[tuple[str, str], str]:
    found = {}
    for row in files.csv(f"{FOLDER}/statuses.csv", ("resource", "status", "use")):
        if row["use"] not in USES:
            files.problem(row.file, row.line, row["status"], "unknown use", f"use one of {' '.join(sorted(USES))}")
        found[row["resource"], row["status"]] = row["use"]
    return found


def _foreign(rows: list[Row]) -> dict[str, tuple[Foreign, ...]]:
    found: dict[str, tuple[Foreign, ...]] = {}
    for row in rows:
        if row["element"]:
            item = Foreign(row["element"], row["version"], _dash(row["as"]))
            found[row["resource"]] = (*found.get(row["resource"], ()), item)
    return found
