"""A client from the settings."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from emhwatch.errors import ConfigurationError
from emhwatch.fhir.auth import Authorization, FixedAuthorization, NoAuthorization
from emhwatch.fhir.base import FhirBase
from emhwatch.fhir.client import FhirClient
from emhwatch.fhir.exchange import Observer
from emhwatch.fhir.keys import KeyFile
from emhwatch.fhir.scopes import NEEDED
from emhwatch.fhir.smart import BackendServices
from emhwatch.fhir.transport import Limits, Transport
from emhwatch.ports import Clock
from emhwatch.settings import FhirSettings


@dataclass(frozen=True, slots=True)
class Connection:
    """A client with what belongs to it."""

    client: FhirClient
    keys: KeyFile | None
    backend_services: BackendServices | None
    _others: tuple[httpx.AsyncClient | FhirClient, ...] = ()

    async def close(self) -> None:
        """Close everything."""
        await self.client.close()
        for other in self._others:
            await (other.aclose() if isinstance(other, httpx.AsyncClient) else other.close())


def connect(
    settings: FhirSettings,
    *,
    clock: Clock,
    observers: Sequence[Observer] = (),
    transport: httpx.AsyncBaseTransport | None = None,
) -> Connection:
    """A client for the configured server; nothing is sent yet.

    Raises:
        ConfigurationError: a setting is missing or does not fit the others.
    """
    base = FhirBase.parse(settings.base_url)
    limits = Limits(timeout_s=settings.timeout_s, max_connections=settings.max_connections)
    verify = _tls(settings)

    def client(authorization: Authorization, watching: Sequence[Observer] = ()) -> FhirClient:
        wire = Transport(
            base,
            authorization=authorization,
            limits=limits,
            verify=verify,
            transport=transport,
            allow_http=settings.allow_http,
        )
        return FhirClient(wire, observers=watching)

    if settings.auth != "smart":
        return Connection(client(_fixed(settings), observers), None, None)
    if not settings.client_id or not settings.key_file:
        raise ConfigurationError(
            "SMART Backend Services needs a client id and a key file.",
            remedy="Set EMHWATCH_FHIR_CLIENT_ID and EMHWATCH_FHIR_KEY_FILE.",
        )
    keys = KeyFile(settings.key_file, settings.key_alg)
    anonymous = client(NoAuthorization())  # discovery and the token request never carry a token
    http = httpx.AsyncClient(
        transport=transport, verify=verify, follow_redirects=False, trust_env=False, timeout=settings.timeout_s
    )
    backend = BackendServices(
        http=http,
        discover=anonymous.smart_configuration,
        client_id=settings.client_id,
        keys=keys,
        scopes=settings.scopes or NEEDED,
        clock=clock,
        token_url=settings.token_url,
    )
    return Connection(client(backend, observers), keys, backend, (http, anonymous))


def _fixed(settings: FhirSettings) -> Authorization:
    if settings.auth == "none":
        return NoAuthorization()
    if settings.auth == "mtls":
        if not settings.cert_file:
            raise ConfigurationError("mTLS needs a certificate.", remedy="Set EMHWATCH_FHIR_CERT_FILE.")
        return NoAuthorization()
    if settings.auth == "bearer":
        if not settings.token:
            raise ConfigurationError("There is no bearer token.", remedy="Set EMHWATCH_FHIR_TOKEN.")
        return FixedAuthorization.bearer(settings.token)
    if settings.auth == "basic":
        if not settings.user:
            raise ConfigurationError("There is no user for basic.", remedy="Set EMHWATCH_FHIR_USER and _PASSWORD.")
        return FixedAuthorization.basic(settings.user, settings.password)
    raise ConfigurationError("EMHWATCH_FHIR_AUTH is not known.", remedy="Set none, bearer, basic, smart or mtls.")


def _tls(settings: FhirSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.cert_key_file or None)
    except (OSError, ssl.SSLError):
        raise ConfigurationError(
            "The certificate files cannot be read.",
            remedy="Check EMHWATCH_FHIR_CA_FILE, _CERT_FILE and _CERT_KEY_FILE.",
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
