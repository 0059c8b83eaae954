"""Loaded into real HAPI, the built resources answer as the tables do, row by row."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from emhwatch.tables.build import build
from emhwatch.tables.load import load_tables
from emhwatch.tables.locate import table_files
from emhwatch.types import Resource

pytestmark = pytest.mark.hapi
TABLES = load_tables()
BUILT = [json.loads(text) for text in build(table_files(), TABLES).values()]
#: What HAPI cannot answer, with the reason. Nothing else may be missing.
NOT_ANSWERED = {
    ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "AIAST"): "newer than HAPI's copy of the code system",
}


def of(kind: str) -> list[Resource]:
    return [resource for resource in BUILT if resource["resourceType"] == kind]


@pytest.fixture(scope="module")
def server(hapi: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hapi, timeout=120) as client:
        for kind in ("CodeSystem", "ValueSet", "ConceptMap"):
            resources = of(kind)
            for start in range(0, len(resources), 40):
                # By canonical, not by id: another test may have published it on the same server.
                entries = [
                    {
                        "resource": {k: v for k, v in r.items() if k != "id"},
                        "request": {"method": "PUT", "url": f"{kind}?url={r['url']}&version={quote(r['version'])}"},
                    }
                    for r in resources[start : start + 40]
                ]
                answer = client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
                assert answer.status_code == 200
                assert {e["response"]["status"][:2] for e in answer.json()["entry"]} == {"20"}
        yield client


def get(server: httpx.Client, path: str, **parameters: str) -> Resource:
    answer = server.get(path, params=parameters)
    assert answer.status_code == 200, (path, parameters, answer.status_code)
    return answer.json()


def named(parameters: Resource, name: str) -> list[Resource]:
    return [p for p in parameters.get("parameter", ()) if p["name"] == name]


def test_expand_gives_every_value_set_of_the_tables(server: httpx.Client) -> None:
    missing = set()
    for value_set in of("ValueSet"):
        wanted = {(i["system"], c["code"]) for i in value_set["compose"]["include"] for c in i["concept"]}
        expansion = get(server, "ValueSet/$expand", url=value_set["url"], count="1000")["expansion"]
        found = {(c["system"], c["code"]) for c in expansion.get("contains", ())}
        assert found <= wanted, value_set["id"]
        missing |= wanted - found
    assert missing == set(NOT_ANSWERED)


def batched(server: httpx.Client, paths: list[str]) -> Iterator[Resource]:
    """Answers to GET requests, a hundred at a time."""
    for start in range(0, len(paths), 100):
        entries = [{"request": {"method": "GET", "url": path}} for path in paths[start : start + 100]]
        answer = server.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        assert answer.status_code == 200
        yield from (entry["resource"] for entry in answer.json()["entry"])


def asked(value_set: Resource, system: str, code: str) -> str:
    return f"ValueSet/$validate-code?url={value_set['url']}&system={system}&code={quote(code, safe='')}"


def test_validate_code_says_yes_to_every_member_and_no_to_others(server: httpx.Client) -> None:
    members = [
        (value_set, include["system"], concept["code"])
        for value_set in of("ValueSet")
        for include in value_set["compose"]["include"]
        for concept in include["concept"]
    ]
    others = [(v, v["compose"]["include"][0]["system"], "no-such-code") for v in of("ValueSet")]
    answers = batched(server, [asked(*one) for one in (*members, *others)])
    said = [
        (one, named(answer, "result")[0]["valueBoolean"])
        for one, answer in zip((*members, *others), answers, strict=True)
    ]
    assert {(s, c) for (_, s, c), yes in said[: len(members)] if not yes} == set(NOT_ANSWERED)
    assert not any(yes for _, yes in said[len(members) :])
    assert len(members) > 1500


def test_translate_gives_the_keys_of_the_tables(server: httpx.Client) -> None:
    compared = 0
    for concept_map in of("ConceptMap"):
        (group,) = concept_map["group"]
        fixed = (
            f"ConceptMap/$translate?url={concept_map['url']}&system={group['source']}&targetsystem={group['target']}"
        )
        requests = [f"{fixed}&code={quote(e['code'], safe='')}" for e in group["element"]]
        for element, answer in zip(group["element"], batched(server, requests), strict=True):
            matches = [
                part["valueCoding"].get("code")
                for match in named(answer, "match")
                for part in match["part"]
                if part["name"] == "concept"
            ]
            wanted = sorted(t["code"] for t in element["target"] if "code" in t)
            assert sorted(code for code in matches if code) == wanted, (concept_map["id"], element["code"])
            assert wanted == sorted(
                {k for e in TABLES.codes.find(group["source"], element["code"]) for k in e.keys}
            ) or (not TABLES.codes.systems.by_url[group["source"].lower()].enabled)
            compared += 1
    assert compared > 1500


def test_lookup_knows_every_code_of_our_own_systems(server: httpx.Client) -> None:
    for system in of("CodeSystem"):
        for concept in system["concept"]:
            answer = get(server, "CodeSystem/$lookup", system=system["url"], code=concept["code"])
            (display,) = named(answer, "display")
            assert display["valueString"] == concept["display"]
