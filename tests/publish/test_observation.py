"""The resources of an assessment: what they say, what they never say, and that they are valid."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from emhwatch.fhir.r4b import problems
from emhwatch.model.assessment import Assessment, Blood, Coding, Fact, Rules
from emhwatch.publish.observation import build, build_set
from emhwatch.publish.options import Quotes, WriteOptions
from emhwatch.tables.load import load_tables
from emhwatch.types import Grade, Indicator, Resource, Source, Tier, Value
from tests.publish.samples import assessment, withdrawn

TABLES = load_tables()
OPTIONS = WriteOptions(
    software="1", server_url="https://fhir.example", recipient="Practitioner/1", task_owner="Practitioner/1", flag=True
)
DANGER = [Value.PRESENT, Value.POSSIBLE, Value.ABSENT, Value.UNKNOWN]


def every_kind() -> list[Assessment]:
    """Assessments that together use every tier, every count of masses and every branch of the builder."""
    kinds = [
        assessment(tier=tier, card=None, indicator=Indicator.NONE) for tier in Tier if tier is not Tier.NOT_ASSESSED
    ]
    kinds += [assessment(masses=n, danger=DANGER[n], hemoglobin="Observation/h1/_history/2") for n in range(4)]
    kinds += [withdrawn(), replace(withdrawn(), error="evaluation")]
    kinds += [assessment(indicator=i) for i in (Indicator.CRITICAL, Indicator.INFO, Indicator.SUPPRESSED)]
    return kinds


def coded(resources: Sequence[Resource], code: str) -> list[Resource]:
    return [r for r in resources if r["resourceType"] == "Observation" and r["code"]["coding"][0]["code"] == code]


def component(observation: Resource, code: str) -> dict[str, Any]:
    (found,) = [c for c in observation["component"] if c["code"]["coding"][0]["code"] == code]
    return dict(found)


def test_every_resource_of_every_kind_is_valid_r4() -> None:
    for kind in every_kind():
        for resource in build(kind, TABLES, OPTIONS):
            assert problems(resource) == ()


def test_never_a_condition_never_the_report() -> None:
    written = {r["resourceType"] for kind in every_kind() for r in build(kind, TABLES, OPTIONS)}
    assert written == {"Device", "Observation", "Provenance", "Communication", "Task", "Flag"}


@pytest.mark.parametrize("masses", [0, 1, 3])
def test_one_assessment_per_mass_with_a_criterion_observation_per_panel(masses: int) -> None:
    resources = build(assessment(masses=masses), TABLES)
    heads = coded(resources, "emh-assessment")
    assert len(heads) == max(masses, 1)
    by_urn = {f"urn:uuid:{r['identifier'][0]['value']}": r for r in resources if r["resourceType"] == "Observation"}
    for head in heads:
        members = [by_urn[m["reference"]] for m in head["hasMember"]]
        assert sorted(m["code"]["coding"][0]["code"] for m in members) == [
            *("emh-blood", "emh-danger", "emh-mass", "emh-opposing", "emh-rival", "emh-supporting", "emh-tissue")
        ]
    assert len(coded(resources, "emh-danger")) == len(coded(resources, "emh-blood")) == 1


def test_every_key_of_the_policy_groups_is_a_component_and_unknown_is_written_as_unknown() -> None:
    resources = build(assessment(), TABLES)
    said = {
        c["code"]["coding"][0]["code"]: c
        for r in resources
        if r["resourceType"] == "Observation" and "hasMember" not in r
        for c in r["component"]
    }
    groups = {"A", "B1", "B2", "B3", "B?", "C", "D", "G", "H", "E", "R"}
    assert set(said) == {k.key for k in TABLES.keys.by_key.values() if groups & set(k.groups)}
    assert said["lobulated"]["valueCodeableConcept"]["coding"][0]["code"] == "present"
    assert said["lobulated"]["interpretation"][0]["coding"][0]["code"] == "POS"
    assert said["bone_destruction"]["interpretation"][0]["coding"][0]["code"] == "NEG"
    assert said["calcification"]["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "valueCodeableConcept" not in said["calcification"] and "interpretation" not in said["calcification"]


def test_the_assessment_carries_the_inputs() -> None:
    (head,) = coded(build(assessment(danger=Value.POSSIBLE), TABLES), "emh-assessment")
    assert head["valueCodeableConcept"]["coding"][0]["code"] == "moderate"
    got = {c["code"]["coding"][0]["code"]: c for c in head["component"]}
    assert got["row"]["valueCodeableConcept"]["coding"][0]["code"] == "R6"
    assert got["blood-grade"]["valueCodeableConcept"]["coding"][0]["code"] == "B1"
    assert got["danger"]["valueCodeableConcept"]["coding"][0]["code"] == "possible"
    assert [got[f"points-{n}"]["valueInteger"] for n in ("supporting", "opposing", "net")] == [4, 1, 3]
    assert got["major-opposing"]["valueBoolean"] is False and got["levels"]["valueString"] == "T9 T10"
    assert got["biopsy"]["valueCodeableConcept"]["text"] == "Biopsy recommended"
    assert head["status"] == "preliminary" and head["effectiveDateTime"] == "2026-11-19"


@pytest.mark.parametrize("danger", DANGER)
def test_the_danger_flag_is_always_there(danger: Value) -> None:
    for masses in (0, 2):
        (flag,) = coded(build(assessment(masses=masses, danger=danger, card=None), TABLES), "emh-danger")
        shown = flag.get("valueCodeableConcept", {}).get("coding", [{}])[0].get("code", "unknown")
        assert shown == danger and component(flag, "cord_compression")


def test_h21_not_assessed_says_nothing_else_and_never_no_emh() -> None:
    for kind in (withdrawn(), replace(withdrawn(), error="evaluation")):
        resources = build(kind, TABLES)
        (head,) = coded(resources, "emh-assessment")
        (flag,) = coded(resources, "emh-danger")
        assert head["valueCodeableConcept"]["coding"][0]["code"] == "not-assessed"
        assert "dataAbsentReason" in flag and "valueCodeableConcept" not in flag
        values = [c for c in head["component"] if "dataAbsentReason" not in c]
        assert [c["code"]["coding"][0]["code"] for c in values] == ["row"]
        assert len(resources) == 4  # with Device and Provenance
        assert "excluded" not in json.dumps(resources).lower()


def test_h01_nothing_is_written_where_the_patient_is_not_certain() -> None:
    for change in ({"stopped_write": True}, {"patient": None}, {"focus": None}):
        assert build(replace(assessment(), **change), TABLES) == []  # type: ignore[arg-type]  # fields of the table above


def test_identifiers_stay_over_versions_and_the_evaluation_changes() -> None:
    def identifiers(a: Assessment) -> tuple[set[str], set[str]]:
        made = build_set(a, TABLES)
        assert made is not None
        pairs = [r["identifier"] for r in made.slots.values()]
        return {p[0]["value"] for p in pairs}, {p[1]["value"] for p in pairs}

    places, evaluations = identifiers(assessment())
    assert len(places) == 8 and len(evaluations) == 1
    assert identifiers(assessment()) == (places, evaluations)
    for other in (
        assessment(version="2"),
        assessment(rules=Rules(version="2026.12.0", digest="1" * 64)),
        assessment(tier=Tier.STRONG),
        assessment(patient="p2"),
    ):
        assert identifiers(other)[0] == places and identifiers(other)[1] != evaluations
    assert identifiers(assessment(report="r2"))[0].isdisjoint(places)
    assert identifiers(replace(assessment(), now=assessment().now.replace(hour=23)))[1] == evaluations


def test_derived_from_holds_only_what_r4_allows_and_what_was_used() -> None:
    resources = build(assessment(hemoglobin="Observation/h1/_history/2"), TABLES)
    (head,) = coded(resources, "emh-assessment")
    assert head["derivedFrom"] == [{"reference": "Observation/h1"}]
    assert "DiagnosticReport" not in json.dumps([r.get("derivedFrom", []) for r in resources])
    uri = head["extension"][0]
    assert uri == {
        "url": "https://emhwatch.example/fhir/StructureDefinition/report",
        "valueUri": "DiagnosticReport/r1/_history/1",
    }


def placed(**elements: Any) -> Assessment:
    """An assessment whose report names its visit, orders and studies."""
    given = assessment()
    return replace(given, reports=(replace(given.reports[0], **elements),))


def test_visit_order_and_study_of_the_report_stand_on_every_observation() -> None:
    resources = build(
        placed(encounter="Encounter/e1", based_on=("ServiceRequest/o1",), studies=("ImagingStudy/s1",)), TABLES, OPTIONS
    )
    found = [r for r in resources if r["resourceType"] == "Observation"]
    assert found
    for observation in found:
        assert observation["encounter"] == {"reference": "Encounter/e1"}
        assert observation["basedOn"] == [{"reference": "ServiceRequest/o1"}]
        assert observation["partOf"] == [{"reference": "ImagingStudy/s1"}]
        assert problems(observation) == ()


@pytest.mark.parametrize("named", ["https://elsewhere.example/Encounter/e1", "#inside", "urn:uuid:1", "Patient/p1"])
def test_what_is_not_a_visit_order_or_study_of_this_server_is_not_referenced(named: str) -> None:
    for observation in coded(
        build(placed(encounter=named, based_on=(named,), studies=(named,)), TABLES, OPTIONS), "emh-assessment"
    ):
        assert not {"encounter", "basedOn", "partOf"} & set(observation)


def test_a_study_without_a_report_is_what_its_observations_are_part_of() -> None:
    (head,) = coded(
        build(replace(assessment(), focus="ImagingStudy/s1", reports=()), TABLES, OPTIONS), "emh-assessment"
    )
    assert head["partOf"] == [{"reference": "ImagingStudy/s1"}]


def test_a_site_that_wants_no_references_to_sources_gets_none_of_visit_order_and_study() -> None:
    given = placed(encounter="Encounter/e1", based_on=("ServiceRequest/o1",), studies=("ImagingStudy/s1",))
    (head,) = coded(build(given, TABLES, replace(OPTIONS, source_references=False)), "emh-assessment")
    assert not {"encounter", "basedOn", "partOf"} & set(head)


def test_provenance_names_each_source_with_its_version_twice_and_the_rules() -> None:
    *_, trail = build(assessment(), TABLES, OPTIONS)
    sources = [entity["what"] for entity in trail["entity"]]
    assert sources[0]["reference"] == "DiagnosticReport/r1/_history/1"
    assert sources[0]["identifier"]["value"] == "https://fhir.example/DiagnosticReport/r1/_history/1"
    assert sources[-1]["identifier"]["value"] == f"2026.11.0+{'0' * 64}"
    assert trail["agent"][0]["type"]["coding"][0]["code"] == "assembler"
    assert len(trail["target"]) == len(build(assessment(), TABLES, OPTIONS)) - 2


def test_security_labels_are_copied_and_the_ai_label_is_set() -> None:
    secret = Coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R", "restricted")
    for resource in build(replace(assessment(), security=(secret,)), TABLES, OPTIONS)[1:]:
        assert [label["code"] for label in resource["meta"]["security"]] == ["R", "AIAST"]


@pytest.mark.parametrize(
    ("quotes", "words", "offsets"),
    [(Quotes.SNIPPET, True, True), (Quotes.OFFSETS, False, True), (Quotes.OFF, False, False)],
)
def test_h28_quotes_are_the_sites_choice(quotes: Quotes, words: bool, offsets: bool) -> None:
    text = json.dumps(build(assessment(words="a most peculiar wording"), TABLES, WriteOptions(quotes=quotes)))
    assert ("peculiar" in text) is words
    assert ('valueInteger": 40' in text) is offsets


def test_h27_words_of_a_report_are_never_markup_and_never_long() -> None:
    nasty = "<script>alert(1)</script> ![x](javascript:alert(1)) [click](https://evil.example) " + "mass " * 200
    for resource in build(assessment(words=nasty), TABLES, OPTIONS):
        assert problems(resource) == ()
        div = resource["text"]["div"]
        assert "<script" not in div and div.count("<div") == 1
        for note in resource.get("note", ()):
            active = re.sub(r"\\.", "", note["text"])  # without what is escaped
            assert not set("<[]`*") & set(active)
            assert resource["resourceType"] == "Device" or "characters" in active or "DiagnosticReport" in active
            assert len(note["text"]) < 700


def test_the_carrier_note_stands_with_a_normal_hemoglobin_only() -> None:
    carrier = Fact(key="dx_haemoglobinopathy_carrier", value=Value.PRESENT, source=Source.CODED)
    with_carrier = replace(assessment(), facts=(*assessment().facts, carrier), blood=Blood(grade=Grade.NORMAL))
    (head,) = coded(build(with_carrier, TABLES), "emh-assessment")
    assert any("Carrier state alone does not explain EMH" in note["text"] for note in head["note"])
    (other,) = coded(build(replace(with_carrier, blood=Blood(grade=Grade.B3)), TABLES), "emh-assessment")
    assert not any("Carrier" in note["text"] for note in other["note"])


def test_own_codes_carry_the_version_of_the_table_set_and_have_words() -> None:
    def codings(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, dict):
            own = (
                [node]
                if "system" in node and "code" in node and "emhwatch.example/fhir/CodeSystem" in node["system"]
                else []
            )
            return own + [c for v in node.values() for c in codings(v)]
        return [c for item in node for c in codings(item)] if isinstance(node, list) else []

    found = codings(build(assessment(), TABLES, OPTIONS))
    assert found and all(c["version"] == TABLES.version for c in found)
    assert all(c.get("display") for c in found if not c["system"].endswith("/row"))


def test_alerts_are_off_by_default_and_say_only_that_there_is_something() -> None:
    assert not {"Communication", "Task", "Flag"} & {r["resourceType"] for r in build(assessment(), TABLES)}
    for resource in build(assessment(words="peculiar"), TABLES, OPTIONS):
        if resource["resourceType"] in ("Communication", "Task", "Flag"):
            assert "peculiar" not in json.dumps(resource) and "thalass" not in json.dumps(resource)
    quiet = [r["resourceType"] for r in build(replace(assessment(), silenced="dedup"), TABLES, OPTIONS)]
    assert "Flag" not in quiet
