"""Every emitted resource passes HAPI's own `$validate`."""

import argparse
import json
from typing import Any

import pytest

from emhwatch.commands.tables.folders import files_of
from emhwatch.errors import FhirRejected
from emhwatch.publish.observation import build
from emhwatch.publish.options import WriteOptions
from emhwatch.publish.terminology import publish_terminology
from emhwatch.tables import build as terminology
from emhwatch.tables.load import load_tables
from tests.publish.test_observation import OPTIONS, every_kind
from tests.support.site import site

pytestmark = pytest.mark.hapi

#: HAPI 8.8.0 carries the R4 4.0.1 copy of v3-ObservationValue, from before AIAST was added to it (HL7 terminology).
_OLDER_THAN_THE_LABEL = "v3-ObservationValue#AIAST"
#: `urn:uuid:` references are those of a Bundle entry; alone there is nothing to resolve them against.
_SEVERE = ("error", "fatal")


async def test_every_kind_of_resource_validates(hapi: str) -> None:
    seen: set[str] = set()
    async with site(hapi) as place:
        await publish_terminology(place.client, place.client, our_extensions())  # the validator knows them then
        for kind in every_kind():
            for options in (OPTIONS, WriteOptions()):
                for resource in build(kind, load_tables(), options):
                    shape = resource["resourceType"] + str(sorted(resource)) + str(resource.get("code", {}).get("text"))
                    if shape in seen:
                        continue
                    seen.add(shape)
                    issues = await _validate(place.client, resource)
                    severe = [
                        i for i in issues if i["severity"] in _SEVERE and _OLDER_THAN_THE_LABEL not in i["diagnostics"]
                    ]
                    assert severe == [], (resource["resourceType"], severe)
    assert len(seen) > 12


async def test_the_validator_finds_what_is_wrong(hapi: str) -> None:
    """Control: the check above can fail."""
    async with site(hapi) as place:
        wrong = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Medication/1"}}
        assert [i for i in await _validate(place.client, wrong) if i["severity"] in _SEVERE]


def our_extensions() -> list[dict[str, Any]]:
    shipped = argparse.Namespace(tables=None, overlay=None)
    built = terminology.build(files_of(shipped), load_tables())
    return [json.loads(text) for path, text in built.items() if "/StructureDefinition-" in path]


async def _validate(client: object, resource: dict[str, object]) -> list[dict[str, str]]:
    try:
        outcome = await client.operation(f"{resource['resourceType']}/$validate", resource)  # type: ignore[attr-defined]  # FhirClient
    except FhirRejected:
        return [{"severity": "error", "diagnostics": "refused"}]
    return list(outcome["issue"])
