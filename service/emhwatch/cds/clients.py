"""Who may call: the clients that a site registers, each with its keys, profile and FHIR servers."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jwt

from emhwatch.errors import ConfigurationError
from emhwatch.fhir.base import FhirBase, is_protected
from emhwatch.settings import CdsSettings
from emhwatch.tables.clients import ClientTables, Profile

ALGORITHMS = frozenset(("ES384", "RS384", "ES256", "RS256"))
REPLAY = ("strict", "idempotent", "off")
OPEN = "open"  #: id of callers that did not say who they are
_NAMES = frozenset(
    ("id", "profile", "iss", "jku", "jwks_file", "algorithms", "tenants", "replay", "hooks", "leeway_s", "fhir_server")
)


@dataclass(frozen=True, slots=True)
class Server:
    """A FHIR server that may be asked for a client."""

    base: str
    name: str  #: as in the settings of the event loop, so that both remember the same patient
    without_token: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One registered client."""

    id: str
    profile: Profile
    iss: str = ""
    jku: tuple[str, ...] = ()
    keys: Mapping[str, Any] | None = None  #: pinned JWK Set
    algorithms: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    replay: str = "strict"
    hooks: tuple[str, ...] = ()
    leeway_s: float = 5.0
    servers: tuple[Server, ...] = ()

    def server(self, base: str) -> Server | None:
        """The configured server of exactly this base."""
        return next((s for s in self.servers if s.base == base.rstrip("/")), None)


@dataclass(frozen=True, slots=True)
class Clients:
    """All of them, and the anonymous one when the service is open."""

    registered: tuple[Client, ...]
    anonymous: Client | None


def load_clients(settings: CdsSettings, tables: ClientTables, names: Mapping[str, str]) -> Clients:
    """Read the clients' file.

    Args:
        settings: of CDS Hooks.
        tables: with the profiles.
        names: base URL -> name of the FHIR servers of the event loop.

    Raises:
        ConfigurationError: with the client and the key that is wrong.
    """
    if unknown := sorted(set(settings.hooks) - set(tables.hooks)):
        raise ConfigurationError(
            "EMHWATCH_CDS_HOOKS names an unknown hook.",
            remedy=f"Use some of {' '.join(tables.hooks)}, not {unknown[0]}.",
        )
    registered: list[Client] = []
    if settings.clients_file:
        path = Path(settings.clients_file)
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            raise ConfigurationError(
                "EMHWATCH_CDS_CLIENTS_FILE is not a readable TOML file.", remedy="Check its path and its syntax."
            ) from None
        registered = [_client(entry, tables, names, path.parent) for entry in content.get("client", [])]
        if len({c.id for c in registered}) != len(registered):
            raise ConfigurationError("Two CDS clients have the same id.", remedy="Give each its own id.")
    anonymous = None
    if settings.open:
        profile = _profile(settings.open_profile, tables, "EMHWATCH_CDS_OPEN_PROFILE")
        servers = tuple(_server(base, names, without_token=True) for base in settings.fhir_servers)
        anonymous = Client(id=OPEN, profile=profile, hooks=profile.hooks, servers=servers)
    offered = settings.hooks or tuple(tables.hooks)
    switched = [replace(c, hooks=tuple(h for h in c.hooks if h in offered)) for c in registered]
    if anonymous:
        anonymous = replace(anonymous, hooks=tuple(h for h in anonymous.hooks if h in offered))
    return Clients(tuple(switched), anonymous)


def _client(entry: Mapping[str, Any], tables: ClientTables, names: Mapping[str, str], folder: Path) -> Client:
    name = str(entry.get("id", "?"))
    if unknown := sorted(set(entry) - _NAMES):
        raise _wrong(name, unknown[0], "is not known")
    if not entry.get("id") or not str(entry.get("iss", "")).strip():
        raise _wrong(name, "iss", "is missing, or id is")
    profile = _profile(str(entry.get("profile", "default")), tables, f"CDS client {name}: profile")
    algorithms = tuple(entry.get("algorithms", profile.algorithms))
    if not algorithms or not ALGORITHMS.issuperset(algorithms):
        raise _wrong(name, "algorithms", "may hold ES384, RS384, ES256 and RS256 only")
    if entry.get("replay", "strict") not in REPLAY:
        raise _wrong(name, "replay", "is not strict, idempotent or off")
    jku = tuple(entry.get("jku", ()))
    if not all(is_protected(url) for url in jku):
        raise _wrong(name, "jku", "holds an address without https")
    keys = _keys(name, folder / entry["jwks_file"]) if "jwks_file" in entry else None
    if keys is None and not jku:
        raise _wrong(name, "jku", "is missing, and jwks_file is too")
    servers = tuple(
        _server(str(s.get("base", "")), names, s.get("name"), without_token=bool(s.get("without_token")))
        for s in entry.get("fhir_server", ())
    )
    return Client(
        id=name,
        profile=profile,
        iss=str(entry["iss"]),
        jku=jku,
        keys=keys,
        algorithms=algorithms,
        tenants=tuple(entry.get("tenants", ())),
        replay=str(entry.get("replay", "strict")),
        hooks=tuple(h for h in entry.get("hooks", profile.hooks) if h in profile.hooks),
        leeway_s=float(entry.get("leeway_s", 5.0)),
        servers=servers,
    )


def _server(base: str, names: Mapping[str, str], name: str | None = None, *, without_token: bool) -> Server:
    checked = FhirBase.parse(base).url
    return Server(checked, name or names.get(checked, checked), without_token)


def _keys(name: str, path: Path) -> Mapping[str, Any]:
    try:
        keys: dict[str, Any] = {}
        for key in jwt.PyJWKSet.from_json(path.read_text("utf-8")).keys:
            if key.key_id:
                keys[key.key_id] = key
        return keys
    except (OSError, ValueError, jwt.PyJWTError):
        raise _wrong(name, "jwks_file", "is not a readable JWK Set") from None


def _profile(name: str, tables: ClientTables, where: str) -> Profile:
    if name not in tables.profiles:
        raise ConfigurationError(
            f"{where} names an unknown profile.", remedy=f"Use one of {' '.join(sorted(tables.profiles))}."
        )
    return tables.profiles[name]


def _wrong(client: str, key: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f"CDS client {client}: {key} {problem}.", remedy="Correct EMHWATCH_CDS_CLIENTS_FILE.")
