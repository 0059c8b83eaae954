"""`terminology/codes/` with `mappings/concepts.csv`: what a code means and what it may count as."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from emhwatch.tables import keys as key_table
from emhwatch.tables import systems as system_table
from emhwatch.tables.source import Row, TableFiles
from emhwatch.tables.systems import System, SystemTables

FOLDER = "terminology/codes/"
CONCEPTS = "mappings/concepts.csv"
COLUMNS = ("concept", "system", "code", "display", "value", "verified_by", "note")


class Role(StrEnum):
    """What a match of a concept may count as; each is explained in `mappings/README.md`."""

    ACUTE_EPISODE = "acute-episode"
    ANTICOAGULANT = "anticoagulant"
    BIOPSY = "biopsy"
    BIOPSY_TARGET = "biopsy-target"
    CHEMOTHERAPY = "chemotherapy"
    COLLOID_SCAN = "colloid-scan"
    CONTEXT = "context"
    CURE = "cure"
    DANGER = "danger"
    DISEASE = "disease"
    DRUG = "drug"
    EMH = "emh"
    EMH_ELSEWHERE = "emh-elsewhere"
    FEATURE = "feature"
    IMAGING = "imaging"
    LAB = "lab"
    LAB_EXCLUDED = "lab-excluded"
    LAB_FINDING = "lab-finding"
    MASS = "mass"
    MASS_ELSEWHERE = "mass-elsewhere"
    MODALITY = "modality"
    OPERATION = "operation"
    OUTPUT = "output"
    PREGNANCY = "pregnancy"
    RADIOTHERAPY = "radiotherapy"
    REPORT_CATEGORY = "report-category"
    RIVAL = "rival"
    SECTION = "section"
    SIDE = "side"
    SITE_ELSEWHERE = "site-elsewhere"
    SPLENECTOMY = "splenectomy"
    SPLENECTOMY_PROCEDURE = "splenectomy-procedure"
    SYMPTOM = "symptom"
    TRANSFUSION = "transfusion"
    UNIT = "unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One row of `concepts.csv`."""

    concept: str
    role: Role
    keys: tuple[str, ...]  #: policy keys of the patient's own condition, finding, procedure or drug
    rival: str | None  #: policy key instead, as a coded conclusion of a report about the mass
    value: str | None  #: analyte, DICOM modality, section, side or region, by role
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntry:
    """One code and what it means here."""

    concept: str
    keys: tuple[str, ...]
    role: Role
    system: str  #: key of `systems.toml`
    code: str
    display: str | None
    note: str
    rival: str | None = None
    value: str | None = None  #: of the concept; or what this code adds: "remission", weeks of pregnancy


@dataclass(frozen=True, slots=True)
class CodeTables:
    """Every code, by system and code."""

    systems: SystemTables
    concepts: Mapping[str, Concept]
    by_code: Mapping[str, Mapping[str, tuple[CodeEntry, ...]]]  #: system key -> code -> entries

    def find(self, system: str | None, code: str | None) -> tuple[CodeEntry, ...]:
        """What a code means; empty for an unknown system or code. The longest listed code wins where subcodes count."""
        known = self.systems.find(system)
        if known is None or not code:
            return ()
        return self._entries(known, known.normalize(code))

    def entries(self) -> Iterator[CodeEntry]:
        """All entries, in table order by system."""
        for codes in self.by_code.values():
            for listed in codes.values():
                yield from listed

    def _entries(self, system: System, code: str) -> tuple[CodeEntry, ...]:
        if not system.enabled:
            return ()
        codes = self.by_code.get(system.key, {})
        shortest = 1 if system.subcodes else len(code)
        for length in range(len(code), shortest - 1, -1):
            if found := codes.get(code[:length].rstrip(".") if length < len(code) else code):
                return found
        if system.codes_of:
            return self._entries(self.systems.by_key[system.codes_of], code)
        return ()


def parse(files: TableFiles) -> CodeTables:
    """Read and check systems, concepts and codes; problems go to `files`."""
    systems = system_table.parse(files)
    concepts = _concepts(files)
    by_code: dict[str, dict[str, tuple[CodeEntry, ...]]] = {}
    for path in files.under(FOLDER, ".csv"):
        for row in files.csv(path, COLUMNS):
            entry = _entry(files, row, systems, concepts)
            if entry is None:
                continue
            codes = by_code.setdefault(entry.system, {})
            listed = codes.get(entry.code, ())
            if any(other.concept == entry.concept for other in listed):
                files.problem(path, row.line, entry.code, "the code stands here twice", "remove one of the rows")
            elif listed:
                files.problem(
                    path, row.line, entry.code, f"the code also stands under {listed[0].concept}", "keep one concept"
                )
            codes[entry.code] = (*listed, entry)
    if not by_code:
        files.problem(FOLDER, 0, "codes", "no codes", "restore the files")
    return CodeTables(systems, concepts, by_code)


def _concepts(files: TableFiles) -> dict[str, Concept]:
    keys = key_table.parse(files).by_key
    found: dict[str, Concept] = {}
    for row in files.csv(CONCEPTS, ("concept", "role", "keys", "rival", "value", "title")):
        name = row["concept"]
        if row["role"] not in list(Role):
            files.problem(CONCEPTS, row.line, name, f"unknown role {row['role']}", f"use {' '.join(Role)}")
            continue
        for key in (*row.list("keys"), *row.list("rival")):
            if key not in keys:
                files.problem(CONCEPTS, row.line, key, "unknown key", "use one of mappings/keys.csv")
        if name in found:
            files.problem(CONCEPTS, row.line, name, "the concept stands here twice", "remove one of the rows")
        found[name] = Concept(
            concept=name,
            role=Role(row["role"]),
            keys=row.list("keys"),
            rival=row["rival"] or None,
            value=row["value"] or None,
            title=row["title"],
        )
    return found


def _entry(files: TableFiles, row: Row, systems: SystemTables, concepts: Mapping[str, Concept]) -> CodeEntry | None:
    system, concept = systems.by_key.get(row["system"]), concepts.get(row["concept"])
    if system is None:
        files.problem(row.file, row.line, row["system"], "unknown system", f"use a key of {system_table.PATH}")
        return None
    if concept is None:
        files.problem(row.file, row.line, row["concept"], "unknown concept", f"add it to {CONCEPTS}")
        return None
    if fault := system.fault(row["code"]):
        files.problem(row.file, row.line, row["code"], fault, f"compare it with {system.title}")
        return None
    return CodeEntry(
        concept=concept.concept,
        keys=concept.keys,
        role=concept.role,
        system=system.key,
        code=row["code"],
        display=row["display"] or None,
        note=row["note"],
        rival=concept.rival,
        value=row["value"] or concept.value,
    )
