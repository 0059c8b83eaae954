"""FHIR resources built from the tables: code systems, value sets, concept maps, definitions, extensions."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emhwatch.tables.codes import CodeEntry
from emhwatch.tables.load import RELEASE, TableSet
from emhwatch.tables.source import TableFiles
from emhwatch.types import Grade, Resource

FOLDER = "terminology/fhir/"
#: Resources with content of this system stand in a folder of their own, so that a site can drop it.
LICENSED = "snomed"


@dataclass(frozen=True, slots=True)
class Head:
    """What every built resource says about itself (`terminology/release.toml`)."""

    canonical: str
    version: str
    date: str
    publisher: str
    status: str
    experimental: bool

    def of(self, kind: str, id: str, title: str, description: str) -> Resource:  # noqa: A002 - the FHIR element
        """The first elements of a canonical resource."""
        return {
            "resourceType": kind,
            "id": id,
            "url": f"{self.canonical}/{kind}/{id}",
            "version": self.version,
            "name": "Emh" + "".join(word.capitalize() for word in id.replace("_", "-").split("-")),
            "title": title,
            "status": self.status,
            "experimental": self.experimental,
            "date": self.date,
            "publisher": self.publisher,
            "description": description,
        }


def build(files: TableFiles, tables: TableSet) -> dict[str, str]:
    """All built files by path below the table folder."""
    head = _head(files, tables)
    resources = [*_code_systems(head, tables), *_panels(head, tables), *_extensions(head, tables)]
    resources += [
        _concept_map(head, tables, system)
        for system, codes in tables.codes.by_code.items()
        if any(entry.keys for listed in codes.values() for entry in listed)
    ]
    built = {_path(resource, ""): resource for resource in resources}
    for licensed in (False, True):
        for resource in _value_sets(head, tables, licensed=licensed):
            built[_path(resource, f"{LICENSED}/" if licensed else "")] = resource
    renamed = f"{FOLDER}ConceptMap-{LICENSED}.json"
    built[f"{FOLDER}{LICENSED}/ConceptMap-{LICENSED}.json"] = built.pop(renamed)
    return {path: json.dumps(built[path], indent=1, ensure_ascii=False) + "\n" for path in sorted(built)}


def stale(built: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """Paths whose checked-in content is not what the tables give."""
    return sorted(path for path in {*built, *present} if built.get(path) != present.get(path))


def _head(files: TableFiles, tables: TableSet) -> Head:
    release = files.toml(RELEASE)
    return Head(
        canonical=str(release.get("canonical", "")),
        version=tables.version,
        date=str(release.get("date", "")),
        publisher=str(release.get("publisher", "")),
        status=str(release.get("status", "draft")),
        experimental=bool(release.get("experimental", True)),
    )


def _path(resource: Resource, folder: str) -> str:
    return f"{FOLDER}{folder}{resource['resourceType']}-{resource['id']}.json"


# ---- code systems ---------------------------------------------------------------------------------------------------


def _code_systems(head: Head, tables: TableSet) -> Iterable[Resource]:
    codes: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for key in tables.keys.by_key.values():
        if not key.general:
            codes["criteria"].append((key.key, key.label, key.definition))
    for output in dict.fromkeys(tables.output.codes.values()):
        codes[output.system.id].append((output.code, output.display, output.definition))
    rows = dict.fromkeys(rule.result["row"] for rule in tables.decision.rows.rules)
    codes["row"] = codes["row"] or [(row, f"Row {row}", "") for row in rows]
    codes["grade"] = codes["grade"] or [(grade, f"Grade {grade}", "") for grade in Grade]
    for system in tables.output.systems.values():
        if system.own:
            id = system.url.rpartition("/")[2]  # noqa: A001 - the FHIR element
            resource = head.of("CodeSystem", id, system.title, f"{system.title}, as `emhwatch` writes and reads them.")
            yield resource | {"name": system.name, "url": system.url} | _content(codes[system.id])
    concepts = [(c.concept, c.title, "") for c in tables.codes.concepts.values()]
    yield head.of(
        "CodeSystem", "concept", "Concepts of the code tables", "What a code of another system means here."
    ) | (_content(concepts))


def _content(codes: Iterable[tuple[str, str, str]]) -> Resource:
    seen: dict[str, Resource] = {}
    for code, display, definition in codes:
        concept = {"code": code, "display": display, "definition": definition}
        seen.setdefault(code, {name: value for name, value in concept.items() if value})
    return {"caseSensitive": True, "content": "complete", "count": len(seen), "concept": list(seen.values())}


# ---- value sets and concept maps ------------------------------------------------------------------------------------


def _value_sets(head: Head, tables: TableSet, *, licensed: bool) -> Iterable[Resource]:
    """One value set a policy key that codes can set, and one a role without keys."""
    members: dict[tuple[str, str], list[CodeEntry]] = defaultdict(list)
    for entry in tables.codes.entries():
        if (entry.system == LICENSED) is licensed:
            for key in dict.fromkeys((*entry.keys, *((entry.rival,) if entry.rival else ()))):
                members["key", key].append(entry)
            if not entry.keys:
                members["role", entry.role].append(entry)
    for (kind, name), entries in sorted(members.items()):
        words = tables.keys.label(name) if kind == "key" else f"role {name}"
        id = f"{kind}-{name.replace('_', '-')}" + (f"-{LICENSED}" if licensed else "")  # noqa: A001
        if len(id) > 64:
            id = id[:64].rstrip("-")  # noqa: A001
        resource = head.of("ValueSet", id, f"Codes: {words}", f"Listed codes that mean here: {words}.")
        by_system: dict[str, list[Resource]] = defaultdict(list)
        for entry in entries:
            by_system[entry.system].append({"code": entry.code} | ({"display": entry.display} if entry.display else {}))
        systems = tables.codes.systems.by_key
        notices = dict.fromkeys(systems[system].copyright for system in by_system)
        yield resource | {
            "copyright": "\n".join(notices),
            "compose": {
                "include": [{"system": systems[key].url, "concept": found} for key, found in sorted(by_system.items())]
            },
        }


def _concept_map(head: Head, tables: TableSet, system: str) -> Resource:
    """Codes of one system to policy keys; a code that sets nothing is unmatched."""
    source = tables.codes.systems.by_key[system]
    resource = head.of(
        "ConceptMap",
        system,
        f"{source.title} to criteria",
        f"What a code of {source.title} sets as a patient's own record.",
    )
    elements = [_element(entry) for listed in tables.codes.by_code[system].values() for entry in listed]
    group = {"source": source.url, "target": tables.output.url("criteria"), "element": elements}
    return resource | {"copyright": source.copyright, "group": [group]}


def _element(entry: CodeEntry) -> Resource:
    element: dict[str, Any] = {"code": entry.code} | ({"display": entry.display} if entry.display else {})
    if entry.keys:
        element["target"] = [{"code": key, "equivalence": "wider"} for key in entry.keys]
    else:
        element["target"] = [{"equivalence": "unmatched", "comment": entry.role}]
    return element


# ---- what is written ------------------------------------------------------------------------------------------------


def _panels(head: Head, tables: TableSet) -> Iterable[Resource]:
    """What each criterion Observation is, as ObservationDefinition."""
    output = tables.output
    for panel in output.panels:
        code = output.code("panel", panel.name)
        yield {
            "resourceType": "ObservationDefinition",
            "id": code.code,
            "category": [{"coding": [{"system": output.url("category"), "code": panel.category}]}],
            "code": {"coding": [{"system": code.system.url, "code": code.code, "display": code.display}]},
            "identifier": [{"system": f"{head.canonical}/ObservationDefinition", "value": code.code}],
            "permittedDataType": ["CodeableConcept"],
            "multipleResultsAllowed": panel.of_mass,
            "preferredReportName": code.display,
        }


def _extensions(head: Head, tables: TableSet) -> Iterable[Resource]:
    """StructureDefinitions of the two extensions that stand on what is written."""
    parts = {"source": "uri", "code": "Coding", "section": "string", "start": "integer", "end": "integer"}
    parts |= {"quote": "string", "kind": "string"}
    for name, fields in (("evidence", parts), ("report", {})):
        url = tables.output.url(name)
        base = head.of("StructureDefinition", url.rpartition("/")[2], f"Extension: {name}", f"Extension `{name}`.")
        elements: list[Resource] = [{"id": "Extension", "path": "Extension", "min": 0, "max": "*"}]
        if fields:
            for part, kind in fields.items():
                place = f"Extension.extension:{part}"
                elements += [
                    {"id": place, "path": "Extension.extension", "sliceName": part, "min": 0, "max": "1"},
                    {"id": f"{place}.extension", "path": "Extension.extension.extension", "max": "0"},
                    {"id": f"{place}.url", "path": "Extension.extension.url", "fixedUri": part},
                    {
                        "id": f"{place}.value[x]",
                        "path": "Extension.extension.value[x]",
                        "min": 1,
                        "type": [{"code": kind}],
                    },
                ]
            elements.append({"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"})
        else:
            value = [{"code": "uri"}]
            elements.append({"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": value})
        # Elements stand in the order of the base: extension, url, value.
        elements.insert(-1, {"id": "Extension.url", "path": "Extension.url", "fixedUri": url})
        yield base | {
            "url": url,
            "fhirVersion": "4.0.1",
            "kind": "complex-type",
            "abstract": False,
            "context": [{"type": "element", "expression": "Observation"}]
            + ([{"type": "element", "expression": "Observation.component"}] if fields else []),
            "type": "Extension",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
            "derivation": "constraint",
            "differential": {"element": elements},
        }
