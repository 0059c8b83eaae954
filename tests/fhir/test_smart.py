"""SMART Backend Services against an authorization server that really checks."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI

from emhwatch.errors import ConfigurationError, FhirUnauthorized, FhirUnavailable
from emhwatch.fhir.connect import Connection, connect
from emhwatch.fhir.jwks import create_router
from emhwatch.fhir.keys import KeyFile, new_key
from emhwatch.settings import FhirSettings
from tests.support.auth_server import BASE, TOKEN_URL, AuthServer
from tests.support.site import WallClock

KEYS = {alg: new_key(alg, f"key-{alg}") for alg in ("RS384", "ES384")}


def write_keys(path: Path, *keys: dict[str, Any]) -> str:
    path.write_text(json.dumps({"keys": list(keys)}))
    return str(path)


@pytest.fixture(params=["RS384", "ES384"])
def alg(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def key_file(tmp_path: Path, alg: str) -> str:
    return write_keys(tmp_path / "keys.json", KEYS[alg])


@pytest.fixture
def server(key_file: str, alg: str) -> Iterator[AuthServer]:
    yield AuthServer(jwks=KeyFile(key_file, alg).public)


def client(server: AuthServer, key_file: str, alg: str, **given: Any) -> Connection:
    settings = FhirSettings(
        base_url=BASE, auth="smart", client_id="emhwatch-client", key_file=key_file, key_alg=alg, **given
    )
    return connect(settings, clock=WallClock(), transport=httpx.ASGITransport(server.app()))


async def test_a_token_is_fetched_once_for_many_requests_and_carries_a_full_assertion(
    server: AuthServer, key_file: str, alg: str
) -> None:
    connection = client(server, key_file, alg)
    await asyncio.gather(*(connection.client.read(f"Patient/{n}") for n in range(20)))
    assert len(server.assertions) == 1 and len(set(server.bearer)) == 1
    claims, head = server.assertions[0], server.headers[0]
    assert claims["iss"] == claims["sub"] == "emhwatch-client" and claims["aud"] == TOKEN_URL
    assert claims["exp"] - claims["iat"] <= 300
    assert head == {"alg": alg, "kid": f"key-{alg}", "typ": "JWT"}
    assert "system/Observation.crus" in server.asked[0]
    await connection.close()


async def test_a_401_renews_once_with_a_new_assertion_and_then_gives_up(
    server: AuthServer, key_file: str, alg: str
) -> None:
    connection = client(server, key_file, alg)
    await connection.client.read("Patient/1")
    server.tokens.clear()  # revoked
    assert (await connection.client.read("Patient/1"))["id"] == "1"
    assert len({c["jti"] for c in server.assertions}) == 2 == len(server.assertions)
    server.ahead_s = 0
    server.life_s = 0  # what it issues now is never good
    server.tokens.clear()
    with pytest.raises(FhirUnauthorized):
        await connection.client.read("Patient/1")
    assert len(server.assertions) == 3
    await connection.close()


async def test_a_token_is_renewed_before_it_ends_and_an_outage_is_bridged_with_the_old_one(
    server: AuthServer, key_file: str, alg: str
) -> None:
    server.life_s = 2
    connection = client(server, key_file, alg)
    await connection.client.read("Patient/1")
    await asyncio.sleep(1.6)  # past renewal, before the end
    server.fail = 1
    await connection.client.read("Patient/1")
    assert len(server.assertions) == 1
    await connection.client.read("Patient/1")
    assert len(server.assertions) == 2
    server.fail = 100
    server.tokens.clear()
    with pytest.raises(FhirUnavailable):
        await connection.client.read("Patient/1")
    await connection.close()


@pytest.mark.parametrize("ahead_s", [-900.0, 900.0])
async def test_a_clock_that_differs_by_a_quarter_of_an_hour_is_allowed_for(
    server: AuthServer, key_file: str, alg: str, ahead_s: float
) -> None:
    server.ahead_s = ahead_s
    connection = client(server, key_file, alg)
    assert (await connection.client.read("Patient/1"))["id"] == "1"
    assert server.refusals == ["exp"]
    server.tokens.clear()
    await connection.client.read("Patient/1")
    assert server.refusals == ["exp"]  # learnt
    await connection.close()


async def test_rotation_needs_no_restart_and_the_old_key_stays_published(
    server: AuthServer, key_file: str, alg: str
) -> None:
    connection = client(server, key_file, alg)
    await connection.client.read("Patient/1")
    fresh = new_key(alg, "fresh")
    write_keys(Path(key_file), fresh, KEYS[alg])
    server.tokens.clear()
    await connection.client.read("Patient/1")
    assert [head["kid"] for head in server.headers] == [f"key-{alg}", "fresh"]
    assert [key["kid"] for key in server.jwks()["keys"]] == ["fresh", f"key-{alg}"]
    await connection.close()


async def test_a_key_that_the_server_does_not_know_is_refused_in_words(
    server: AuthServer, key_file: str, alg: str, tmp_path: Path
) -> None:
    other = write_keys(tmp_path / "other.json", new_key(alg, f"key-{alg}"))
    connection = client(server, other, alg)
    with pytest.raises(FhirUnauthorized, match="invalid_client") as raised:
        await connection.client.read("Patient/1")
    assert "key set" in raised.value.remedy and "emhwatch-client" not in str(raised.value)
    await connection.close()


async def test_narrower_scopes_are_named(server: AuthServer, key_file: str, alg: str) -> None:
    server.grant = ("system/Patient.rs", "system/Observation.rs")
    connection = client(server, key_file, alg, scopes=("system/Patient.r", "system/Observation.crus"))
    await connection.client.read("Patient/1")
    assert connection.backend_services is not None
    assert connection.backend_services.missing_scopes() == ("system/Observation.crus",)
    await connection.close()


async def test_version_1_scopes_where_the_server_knows_only_those(server: AuthServer, key_file: str, alg: str) -> None:
    server.capabilities = ["permission-v1"]
    connection = client(server, key_file, alg, scopes=("system/Patient.rs", "system/Observation.crus"))
    await connection.client.read("Patient/1")
    assert server.asked == ["system/Patient.read system/Observation.read system/Observation.write"]
    await connection.close()


async def test_the_authorization_server_really_checks(server: AuthServer, key_file: str, alg: str) -> None:
    """The double is held to the specification: it refuses what a real one refuses."""
    keys = KeyFile(key_file, alg)
    now = int(server.now().timestamp())
    good = {"iss": "emhwatch-client", "sub": "emhwatch-client", "aud": TOKEN_URL, "exp": now + 200, "jti": "a"}
    assert server.check(keys.sign(good)) is None
    assert server.check(keys.sign(good)) == "replay"
    assert server.check(keys.sign({**good, "jti": "b", "exp": now - 1})) == "exp"
    assert server.check(keys.sign({**good, "jti": "c", "exp": now + 900})) == "exp"
    assert server.check(keys.sign({**good, "jti": "d", "aud": BASE})) == "InvalidAudienceError"
    assert server.check(keys.sign({**good, "jti": "e", "sub": "someone"})) == "iss"


async def test_our_key_set_is_served_without_private_parts(key_file: str, alg: str) -> None:
    app = FastAPI()
    app.include_router(create_router(KeyFile(key_file, alg)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://us.example") as http:
        response = await http.get("/.well-known/jwks.json")
    assert "max-age" in response.headers["cache-control"]
    (key,) = response.json()["keys"]
    assert key["alg"] == alg and key["kid"] == f"key-{alg}"
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
    jwt.PyJWK(key)  # it is a usable public key


@pytest.mark.parametrize(
    "content", ["", "{}", '{"keys": [{"kty": "RSA"}]}', '{"keys": [{"kty": "oct", "kid": "a", "d": "x"}]}']
)
def test_a_broken_key_file_is_a_setting_to_correct(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(ConfigurationError, match="KEY_FILE"):
        KeyFile(str(tmp_path / "keys.json"), "RS384").public()


def test_weak_keys_are_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    weak = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True) | {"kid": "weak"}
    with pytest.raises(ConfigurationError):
        KeyFile(write_keys(tmp_path / "keys.json", weak), "ES384").public()


async def test_a_token_endpoint_without_tls_is_refused(key_file: str, alg: str, server: AuthServer) -> None:
    connection = client(server, key_file, alg, token_url="http://ehr.example/token")
    with pytest.raises(ConfigurationError, match="TLS"):
        await connection.client.read("Patient/1")
    assert server.bearer == []
    await connection.close()
