"""Our canonicals on a real server: once, and what we write resolves there."""

import json
import uuid

import pytest

from emhwatch.cli import main
from emhwatch.commands.tables import publish as command
from emhwatch.publish.terminology import publish_terminology
from tests.support.site import site

pytestmark = pytest.mark.hapi


async def test_a_canonical_is_created_left_alone_and_replaced(hapi: str) -> None:
    url = f"https://emhwatch.example/fhir/CodeSystem/{uuid.uuid4()}"
    system = {
        "resourceType": "CodeSystem",
        "id": "ours",
        "url": url,
        "version": "1",
        "name": "Emh",
        "status": "draft",
        "content": "complete",
        "concept": [{"code": "a"}],
    }
    async with site(hapi) as place:

        async def put(resource: dict[str, object]) -> str:
            return (await publish_terminology(place.client, place.client, [resource]))[0].action

        assert [await put(system), await put(system)] == ["created", "same"]
        assert await put({**system, "concept": [{"code": "b"}]}) == "replaced"
        assert await put({**system, "version": "2"}) == "created"
        found = await place.client.search("CodeSystem", [("url", url)])
        assert sorted(r["version"] for r in found.resources) == ["1", "2"]
        for resource in found.resources:
            await place.client.delete(f"CodeSystem/{resource['id']}")


def test_the_command_publishes_what_is_built(hapi: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.__doc__
    assert main(["tables", "publish", "--server", hapi, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["tables", "publish", "--server", hapi, "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert {item["action"] for item in second} == {"same"}
    urls = {item["url"] for item in first}
    for name in ("criteria", "assessment", "tier", "value", "grade", "row"):
        assert f"https://emhwatch.example/fhir/CodeSystem/{name}" in urls
