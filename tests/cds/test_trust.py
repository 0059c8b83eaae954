"""Who may call: signed tokens of registered clients, and nobody else."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emhwatch.errors import ConfigurationError
from tests.cds.hook_support import BASE, NOW, Decision, Site, covers, hook, site, use

ISS = "https://ehr.hospital.example"
JKU = "https://ehr.hospital.example/.well-known/jwks.json"
URL = f"{BASE}/cds-services/emh-order-sign"
KEYS = {"ES384": ec.generate_private_key(ec.SECP384R1()), "RS384": rsa.generate_private_key(65537, 2048)}
OTHER = ec.generate_private_key(ec.SECP384R1())
REGISTERED = f"""
[[client]]
id = "hospital"
iss = "{ISS}"
jku = ["{JKU}"]
tenants = ["t1"]

[[client]]
id = "tolerant"
iss = "https://tolerant.example"
jku = ["{JKU}"]
replay = "idempotent"

[[client]]
id = "test-kit"
iss = "https://kit.example"
jwks_file = "kit.json"
replay = "off"
hooks = ["patient-view", "order-sign"]
"""


def public(key: Any, alg: str, kid: str) -> dict[str, Any]:
    algorithm = jwt.algorithms.ECAlgorithm if alg.startswith("ES") else jwt.algorithms.RSAAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": alg, "use": "sig"}


JWKS = {"keys": [public(key, alg, alg) for alg, key in KEYS.items()]}


class KeyServer(httpx.MockTransport):
    """Answers with a JWK Set and counts who asks for what."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.asked: list[str] = []
        self.status = 200
        self.keys = JWKS

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(self.status, json=self.keys, headers={"Location": "https://evil.example/"})


def token(alg: str = "ES384", *, key: Any = None, header: dict | None = None, **claims: Any) -> str:
    now = int(NOW.timestamp())
    given = {"iss": ISS, "aud": URL, "exp": now + 300, "iat": now, "jti": uuid4().hex, "tenant": "t1", **claims}
    headers = {"kid": alg, "typ": "JWT", "jku": JKU, **(header or {})}
    return jwt.encode(
        {k: v for k, v in given.items() if v is not None},
        key or KEYS[alg],
        algorithm=headers.pop("alg", alg),
        headers={k: v for k, v in headers.items() if v is not None},
    )


@pytest.fixture
def key_server() -> KeyServer:
    return KeyServer()


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key_server: KeyServer) -> AsyncIterator[Site]:
    use(Decision(), monkeypatch)
    (tmp_path / "clients.toml").write_text(REGISTERED)
    (tmp_path / "kit.json").write_text(json.dumps(JWKS))
    async with site(tmp_path, keys=key_server, open=False, clients_file=str(tmp_path / "clients.toml")) as made:
        yield made


async def status(service: Site, given: str | None, *, url: str = "/cds-services/emh-order-sign", **more: Any) -> int:
    headers = {"Authorization": f"Bearer {given}"} if given is not None else {}
    answer = await service.client.post(url, json=more.pop("json", None) or hook(), headers=headers | more)
    if answer.status_code == 401:
        issue = answer.json()["issue"][0]
        assert issue["diagnostics"] == "cds-client-untrusted: The client did not prove who it is."
        assert answer.headers["www-authenticate"] == "Bearer"
    return answer.status_code


@covers(64, 65, 66, 68)
@pytest.mark.parametrize("alg", KEYS)
async def test_signed_token_is_accepted(alg: str, service: Site) -> None:
    assert await status(service, token(alg)) == 200
    assert service.seen[-1].client == "hospital"


@covers(39, 64)
async def test_no_token_is_refused(service: Site) -> None:
    for header in (None, "", "x", "a.b.c"):
        assert await status(service, header) == 401
    answer = await service.client.get("/cds-services")
    assert answer.status_code == 401


NOW_S = int(NOW.timestamp())
WRONG: dict[str, dict[str, Any]] = {
    "issuer": {"iss": "https://evil.example"},
    "audience": {"aud": f"{BASE}/cds-services"},
    "audience of another service": {"aud": f"{BASE}/cds-services/emh-patient-view"},
    "audience with a slash": {"aud": URL + "/"},
    "no audience": {"aud": None},
    "expired": {"exp": NOW_S - 6},
    "no exp": {"exp": None},
    "endless": {"exp": NOW_S + 90_000},
    "issued in the future": {"iat": NOW_S + 60},
    "no iat": {"iat": None},
    "not yet valid": {"nbf": NOW_S + 60},
    "no jti": {"jti": None},
    "jti empty": {"jti": ""},
    "jti huge": {"jti": "x" * 5000},
    "tenant": {"tenant": "t2"},
    "no tenant": {"tenant": None},
    "exp not a number": {"exp": "soon"},
}


@covers(65, 66, 67)
@pytest.mark.parametrize("name", WRONG)
async def test_wrong_claim_is_refused(name: str, service: Site) -> None:
    claims = WRONG[name]
    assert await status(service, unsafe(claims) if name == "exp not a number" else token(**claims)) == 401


def unsafe(claims: dict[str, Any]) -> str:
    """A signed token with claims that the library would not write."""
    whole = {"iss": ISS, "aud": URL, "exp": NOW_S + 9, "iat": NOW_S, "jti": "j", "tenant": "t1", **claims}
    headers = {"kid": "ES384", "typ": "JWT", "jku": JKU}
    return jwt.PyJWS().encode(json.dumps(whole).encode(), KEYS["ES384"], "ES384", headers)


HEADERS: dict[str, dict[str, Any]] = {
    "unknown key": {"kid": "other"},
    "no key id": {"kid": None},
    "typ": {"typ": "JOSE"},
    "jku": {"jku": "https://evil.example/jwks.json"},
    "jku with a longer path": {"jku": JKU + "/x"},
}


@covers(65, 67)
@pytest.mark.parametrize("name", HEADERS)
async def test_wrong_header_is_refused_and_nothing_fetched_elsewhere(
    name: str, service: Site, key_server: KeyServer
) -> None:
    assert await status(service, token(header=HEADERS[name])) == 401
    assert set(key_server.asked) <= {JKU}


@covers(68)
async def test_unsigned_and_symmetric_tokens_are_refused(service: Site) -> None:
    claims = {"iss": ISS, "aud": URL, "exp": NOW_S + 300, "iat": NOW_S, "jti": "j", "tenant": "t1"}
    headers = {"kid": "ES384", "typ": "JWT", "jku": JKU}
    unsigned = jwt.encode(claims, None, algorithm="none", headers=headers)
    public_key = json.dumps(JWKS["keys"][0])
    symmetric = jwt.encode(claims, "x" * 48 + public_key, algorithm="HS384", headers=headers)
    assert await status(service, unsigned) == 401
    assert await status(service, symmetric) == 401
    assert await status(service, token(key=OTHER)) == 401
    body, _, _ = token().rpartition(".")
    assert await status(service, body + ".AAAA") == 401


@covers(68)
async def test_algorithm_must_be_one_of_the_client_and_of_the_key(service: Site) -> None:
    weak = ec.generate_private_key(ec.SECP256R1())
    assert await status(service, token("ES384", key=weak, header={"alg": "ES256"})) == 401
    assert await status(service, token("RS384", header={"kid": "ES384"})) == 401


@covers(69)
async def test_token_is_used_once(service: Site) -> None:
    given = token()
    assert await status(service, given) == 200
    assert await status(service, given) == 401


@covers(69)
async def test_replay_rule_of_the_client(service: Site) -> None:
    body = hook()
    tolerant = token(iss="https://tolerant.example", tenant=None)
    assert await status(service, tolerant, json=body) == 200
    assert await status(service, tolerant, json=body) == 200
    assert await status(service, tolerant, json=hook()) == 401
    kit = token(iss="https://kit.example", tenant=None)
    assert await status(service, kit) == 200
    assert await status(service, kit) == 200


@covers(12, 63, 66)
async def test_discovery_and_feedback_have_their_own_audience(service: Site) -> None:
    for url, method in ((f"{BASE}/cds-services", "GET"), (f"{URL}/feedback", "POST")):
        good = {"Authorization": f"Bearer {token(aud=url)}"}
        bad = {"Authorization": f"Bearer {token()}"}
        content = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-20T09:30:00Z"}]}
        more = {"json": content} if method == "POST" else {}
        assert (await service.client.request(method, url, headers=good, **more)).status_code == 200
        assert (await service.client.request(method, url, headers=bad, **more)).status_code == 401


@covers(66)
async def test_audience_may_be_one_of_a_list(service: Site) -> None:
    assert await status(service, token(aud=["https://other.example", URL])) == 200


@covers(70)
async def test_host_header_does_not_decide(service: Site) -> None:
    assert await status(service, token(), Host="10.0.0.7:8000") == 200
    seen = "https://evil.example/cds-services/emh-order-sign"
    assert await status(service, token(aud=seen), Host="evil.example") == 401


@covers(67)
async def test_pinned_keys_need_no_network(service: Site, key_server: KeyServer) -> None:
    for jku in (None, "https://kit.example/anything.json"):
        assert await status(service, token(iss="https://kit.example", tenant=None, header={"jku": jku})) == 200
    assert key_server.asked == []


async def test_client_sees_only_its_hooks(service: Site) -> None:
    kit = {"iss": "https://kit.example", "tenant": None}
    url = f"{BASE}/cds-services"
    answer = await service.client.get(url, headers={"Authorization": f"Bearer {token(aud=url, **kit)}"})
    assert [s["hook"] for s in answer.json()["services"]] == ["patient-view", "order-sign"]
    target = f"{url}/emh-order-select"
    assert await status(service, token(aud=target, **kit), url=target, json=hook("order-select")) == 404


async def test_keys_are_cached_rotated_and_asked_for_gently(
    service: Site, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(service.services.trust.keysets, "_monotonic", lambda: seconds[0])
    for _ in range(3):
        assert await status(service, token()) == 200
    assert len(key_server.asked) == 1
    rotated = ec.generate_private_key(ec.SECP384R1())
    key_server.keys = {"keys": [public(rotated, "ES384", "new")]}
    for _ in range(3):  # an unknown key id asks again, but not at once and not each time
        assert await status(service, token(key=rotated, header={"kid": "new"})) == 401
    assert len(key_server.asked) == 1
    seconds[0] += 31
    assert await status(service, token(key=rotated, header={"kid": "new"})) == 200
    assert await status(service, token()) == 401
    assert len(key_server.asked) == 2


@pytest.mark.parametrize("code", [301, 404, 500])
async def test_failing_key_server_refuses_and_old_keys_stay(
    code: int, service: Site, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(service.services.trust.keysets, "_monotonic", lambda: seconds[0])
    key_server.status = code
    assert await status(service, token()) == 401
    assert key_server.asked == [JKU]
    key_server.status = 200
    seconds[0] += 31
    assert await status(service, token()) == 200
    key_server.status = code
    seconds[0] += 3600
    assert await status(service, token()) == 200


async def test_small_clock_differences_are_tolerated(service: Site) -> None:
    assert await status(service, token(iat=NOW_S + 1, nbf=NOW_S - 300)) == 200
    assert await status(service, token(exp=NOW_S - 3, iat=NOW_S - 303)) == 200


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('[[client]]\nid = "a"\n', "iss"),
        ('[[client]]\nid = "a"\niss = "i"\n', "jku"),
        ('[[client]]\nid = "a"\niss = "i"\njku = ["http://evil.example/j"]\n', "jku"),
        ('[[client]]\nid = "a"\niss = "i"\njku = ["https://x/j"]\nalgorithms = ["HS256"]\n', "algorithms"),
        ('[[client]]\nid = "a"\niss = "i"\njku = ["https://x/j"]\nprofile = "none"\n', "profile"),
        ('[[client]]\nid = "a"\niss = "i"\njku = ["https://x/j"]\nreplay = "maybe"\n', "replay"),
        ('[[client]]\nid = "a"\niss = "i"\njku = ["https://x/j"]\nextra = 1\n', "extra"),
        ("not toml", "CLIENTS_FILE"),
    ],
)
async def test_wrong_clients_file_is_named(content: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=place):
        async with site(tmp_path, clients_file=str(tmp_path / "clients.toml")):
            pass
