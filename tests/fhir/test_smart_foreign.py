"""The same rules against an authorization server that is not ours.

`EMHWATCH_TEST_SMART_BASE_URL`, `_CLIENT_ID`, `_KEY_FILE` and `_KEY_ALG` name any server where the client is registered;
without them it is the one of the embedded server.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emhwatch.demo.embedded import running_embedded
from emhwatch.errors import FhirUnauthorized
from emhwatch.fhir.connect import connect
from emhwatch.fhir.keys import KeyFile, new_key
from emhwatch.settings import FhirSettings
from tests.support.site import WallClock


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirSettings]:
    given = {name: os.environ.get(f"EMHWATCH_TEST_SMART_{name}", "") for name in ("BASE_URL", "CLIENT_ID", "KEY_FILE")}
    if all(given.values()):
        alg = os.environ.get("EMHWATCH_TEST_SMART_KEY_ALG", "RS384")
        settings = FhirSettings(
            auth="smart",
            base_url=given["BASE_URL"],
            client_id=given["CLIENT_ID"],
            key_file=given["KEY_FILE"],
            key_alg=alg,
        )
        yield settings
        return
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_text(json.dumps({"keys": [new_key("ES384", "es")]}))
    client = {"client_id": "emhwatch", "jwks": KeyFile(str(path), "ES384").public(), "scopes": "system/*.cruds"}
    with running_embedded({"server_auth": {"types": ["smart"], "smart_clients": [client]}}) as url:
        yield FhirSettings(auth="smart", base_url=url, client_id="emhwatch", key_file=str(path), key_alg="ES384")


async def test_one_token_for_many_requests_and_all_scopes(registered: FhirSettings) -> None:
    connection = connect(registered, clock=WallClock())
    results = await asyncio.gather(*(connection.client.search("Patient", [("_count", "1")]) for _ in range(10)))
    assert len(results) == 10
    assert connection.backend_services is not None and connection.backend_services.missing_scopes() == ()
    await connection.close()


async def test_a_token_that_is_no_longer_good_is_renewed(registered: FhirSettings) -> None:
    connection = connect(registered, clock=WallClock())
    await connection.client.search("Patient", [("_count", "1")])
    backend = connection.backend_services
    assert backend is not None
    first = await backend.header()
    backend._token = replace(backend._token, header="Bearer not-a-token")  # type: ignore[type-var]  # set after the first request
    await connection.client.search("Patient", [("_count", "1")])
    assert await backend.header() not in ("Bearer not-a-token", None) and first
    await connection.close()


@pytest.mark.parametrize("change", ["key", "client"])
async def test_a_stranger_is_refused(registered: FhirSettings, tmp_path: Path, change: str) -> None:
    stranger = tmp_path / "keys.json"
    stranger.write_text(json.dumps({"keys": [new_key(registered.key_alg, "es")]}))
    other = {"key": {"key_file": str(stranger)}, "client": {"client_id": "somebody-else"}}[change]
    connection = connect(replace(registered, **other), clock=WallClock())
    with pytest.raises(FhirUnauthorized):
        await connection.client.search("Patient", [("_count", "1")])
    await connection.close()
    anonymous = connect(FhirSettings(base_url=registered.base_url), clock=WallClock())
    with pytest.raises(FhirUnauthorized):
        await anonymous.client.search("Patient", [("_count", "1")])
    await anonymous.close()
