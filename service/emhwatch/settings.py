"""All settings: frozen groups, read from `EMHWATCH_<GROUP>_<FIELD>`; `deploy/emhwatch.env` is generated from here.

A field is declared once, with its default, help text and whether it is a secret. Values: strings as they are,
numbers, `true`/`false`, lists separated by blanks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from emhwatch.errors import ConfigurationError
from emhwatch.model.options import SiteOptions


def setting(default: Any, help: str, *, secret: bool = False) -> Any:  # noqa: ANN401, A002 - a dataclass field
    """Declare one setting."""
    return field(default=default, repr=not secret, metadata={"help": help, "secret": secret})


@dataclass(frozen=True, slots=True)
class TablesSettings:
    """Clinical tables."""

    dir: str | None = setting(None, "folder with mappings/ and terminology/; empty: the shipped tables")
    overlay: str | None = setting(None, "folder of the site's own tables, laid over the shipped ones")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Data store."""

    url: str = setting(
        "sqlite:///var/emhwatch.sqlite", "SQLAlchemy URL: sqlite:///FILE or postgresql+psycopg://…", secret=True
    )


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """The FHIR server."""

    base_url: str = setting("", "base URL of the FHIR R4 server, for example https://fhir.hospital.example/r4")
    name: str = setting("default", "name of the server in the inbox and in logs")
    timeout_s: float = setting(10.0, "time-out of one request in seconds")
    max_connections: int = setting(16, "connections to the server at once")
    auth: str = setting("none", "none, bearer, basic, smart (SMART Backend Services) or mtls")
    token: str = setting("", "bearer token", secret=True)
    user: str = setting("", "user for basic")
    password: str = setting("", "password for basic", secret=True)
    client_id: str = setting("", "client id for smart")
    key_file: str = setting("", "file with the private keys as JWKS (smart); first key signs, all are published")
    key_alg: str = setting("RS384", "RS384 or ES384 (smart)")
    token_url: str = setting("", "token endpoint; empty: discovered at the FHIR server (smart)")
    scopes: tuple[str, ...] = setting((), "scopes to ask for; empty: what the service needs (smart)")
    cert_file: str = setting("", "client certificate (mtls)")
    cert_key_file: str = setting("", "key of the client certificate (mtls)")
    ca_file: str = setting("", "certificate authority of the server; empty: the system's")
    allow_http: bool = setting(False, "send credentials over http:// outside this machine (a network that you trust)")
    security_labels: tuple[str, ...] = setting(
        (), "confidentiality codes whose resources may be used besides N, L, M, U"
    )
    timezone: str = setting("UTC", "time zone of the hospital; a day is a calendar day there")
    hemoglobin_tetramer: bool = setting(
        False, "the laboratory's hemoglobin in mmol/L counts tetramers; false: monomers (16.1 g/L)"
    )
    hemoglobin_shift_g_per_l: float = setting(
        0.0, "added to every hemoglobin limit in g/L, for example for a hospital at altitude"
    )


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """Subscriptions, polling, reconciliation."""

    public_url: str = setting("http://127.0.0.1:8000", "base URL under which the FHIR server reaches this service")
    mode: str = setting(
        "auto",
        "auto, rest-hook, topic (Subscriptions R5 Backport), poll, or push (Pub/Sub, Event Grid); auto makes rest-hook "
        "Subscriptions where the server takes them and polls where not",
    )
    secret: str = setting(
        "",
        "secret from which each Subscription gets its own; empty: new at each start, for one process only",
        secret=True,
    )
    types: tuple[str, ...] = setting(
        ("DiagnosticReport", "ImagingStudy", "Observation", "Condition", "ServiceRequest"),
        "resource types whose changes are looked at; of Observation only the laboratory values that decide",
    )
    tag: str = setting("", "only resources with this tag (system|code) are looked at, for a shared sandbox; empty: all")
    poll_s: float = setting(5.0, "seconds between two searches when the server does not notify us")
    reconcile_s: float = setting(300.0, "seconds between two comparisons of the server with the inbox")
    lookback_h: float = setting(24.0, "hours that the first comparison after a start goes back")
    end_h: float = setting(48.0, "hours until a Subscription ends; renewed at half of them; 0: it has no end")
    content: str = setting("id-only", "what topic notifications carry: empty, id-only or full-resource")
    topics: tuple[str, ...] = setting(
        (), "topics of the FHIR server as Type=canonical; for types without one the service makes its own as Basic"
    )
    heartbeat_s: int = setting(60, "seconds between heartbeats asked of topic Subscriptions; 0: none")
    subscriptions: tuple[str, ...] = setting(
        (), "ids of topic Subscriptions made by hand, which notify /fhir-notification with the secret itself"
    )
    push: tuple[str, ...] = setting((), "cloud services that may notify: pubsub, event-grid")
    push_secret: str = setting("", "secret that those send, as header or as ?secret=", secret=True)
    pubsub_audience: str = setting("", "audience of the tokens that Pub/Sub sends; empty: it sends the secret")
    pubsub_account: str = setting("", "e-mail address of the service account in those tokens")
    pubsub_keys: str = setting("https://www.googleapis.com/oauth2/v3/certs", "keys that sign those tokens (JWKS)")
    proxies: tuple[str, ...] = setting((), "addresses of reverse proxies that check client certificates (mutual TLS)")
    subject_header: str = setting("X-Client-Subject", "header in which they give the subject of the certificate")
    subjects: tuple[str, ...] = setting((), "subjects of FHIR servers that may notify without a secret, without blanks")
    rate_per_s: float = setting(5000.0, "notifications a second that one sender may send for long; 0: any number")
    max_body_kib: int = setting(20480, "largest notification in KiB")


@dataclass(frozen=True, slots=True)
class InboxSettings:
    """The durable inbox and its workers."""

    concurrency: int = setting(8, "events in work at once in this process")
    fetch_s: float = setting(60.0, "longest time to fetch what one event concerns, in seconds")
    evaluate_s: float = setting(30.0, "longest time of one evaluation in seconds")
    publish_s: float = setting(60.0, "longest time to write one result back, in seconds")
    keep_days: float = setting(30.0, "days that finished events are kept; dead letters stay")


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Write-back."""

    enabled: bool = setting(True, "write Observations and Provenance; false: silent mode, only recorded here")
    quotes: str = setting("snippet", "words of the report in results: off, offsets or snippet")
    source_references: bool = setting(
        True, "Provenance refers to its sources; false: identifiers only, so that a server lets them be deleted"
    )
    performer: str = setting("", "performer of the results, for example Organization/1; empty: none")
    communication_recipient: str = setting("", "reference that gets a Communication for an alert; empty: none")
    task_owner: str = setting("", "reference that gets a Task for an alert; empty: none")
    flag: bool = setting(False, "put a Flag on the patient while an alert stands")
    alert_levels: tuple[str, ...] = setting(("critical", "warning"), "indicators that alert outside a hook")
    webhook_url: str = setting("", "https address that gets alerts; empty: none")
    webhook_secret: str = setting("", "key of the HMAC that signs alerts", secret=True)
    audit: str = setting("file", "where reads and writes of patients' data are recorded: file, server or off")
    audit_file: str = setting("var/audit.ndjson", "file of audit=file; one AuditEvent a line, only ever appended")


@dataclass(frozen=True, slots=True)
class CdsSettings:
    """CDS Hooks."""

    public_url: str = setting(
        "http://127.0.0.1:8000", "public base URL of this service, `aud` of the clients' JWT starts with it"
    )
    clients_file: str = setting("", "TOML file with the CDS clients: issuer, keys, profile, FHIR servers")
    open: bool = setting(False, "answer clients that do not say who they are (demonstration, closed network)")
    open_profile: str = setting("default", "profile of those clients: default, epic, cerner, sandbox or your own")
    fhir_servers: tuple[str, ...] = setting(
        (), "FHIR servers that may be asked for those clients, without a token too; the exact base URLs"
    )
    origins: tuple[str, ...] = setting(
        (), "origins of browser clients (CORS), for example https://ehr.hospital.example"
    )
    hooks: tuple[str, ...] = setting((), "hooks to offer at all, for example order-select order-sign; empty: all")
    id_per_hook: bool = setting(True, "one service id a hook; false: the id `emh` serves all of them")
    budget_ms: int = setting(500, "time for one answer in milliseconds, data from the FHIR server included")
    max_concurrent: int = setting(64, "requests in work at once; more are refused with 503")
    max_body_kib: int = setting(8192, "largest request in KiB")
    debug_header: bool = setting(False, "say in a header why no card is shown")
    page: bool = setting(False, "serve the acceptance page, a small CDS client for the browser, at /ehr")
    evidence_url: str = setting("", "page that explains rules and evidence, the source link of every card")
    keep_days: int = setting(1095, "days that cards shown and feedback are kept")


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The HTTP listener."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8000, "port to listen on")


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Logs and metrics."""

    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a site can set."""

    tables: TablesSettings = field(default_factory=TablesSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    fhir: FhirSettings = field(default_factory=FhirSettings)
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    inbox: InboxSettings = field(default_factory=InboxSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    cds: CdsSettings = field(default_factory=CdsSettings)
    web: WebSettings = field(default_factory=WebSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)

    @property
    def site_options(self) -> SiteOptions:
        """What the site decides about an evaluation."""
        return SiteOptions(
            timezone=self.fhir.timezone,
            hemoglobin_tetramer=self.fhir.hemoglobin_tetramer,
            hemoglobin_shift_g_per_l=self.fhir.hemoglobin_shift_g_per_l,
            security_labels=self.fhir.security_labels,
        )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read all groups.

        Raises:
            ConfigurationError: a value has the wrong form, or a variable with our prefix is unknown.
        """
        groups, known = {}, set()
        for group, kind in get_type_hints(cls).items():
            values = {}
            hints = get_type_hints(kind)
            for item in fields(kind):
                name = f"EMHWATCH_{group}_{item.name}".upper()
                known.add(name)
                if environ.get(name, "") != "":
                    values[item.name] = _convert(name, environ[name], hints[item.name])
            groups[group] = kind(**values)
        unknown = sorted(
            n for n in environ if n.startswith("EMHWATCH_") and n not in known and not n.startswith("EMHWATCH_TEST_")
        )
        if unknown:
            raise ConfigurationError(
                f"Unknown setting {unknown[0]}.", remedy="See deploy/emhwatch.env for all settings."
            )
        return cls(**groups)


def _convert(name: str, text: str, kind: Any) -> Any:  # noqa: ANN401 - the type is the field's
    kinds = [k for k in get_args(kind) if k is not NoneType] or [kind]
    target = kinds[0] if getattr(kind, "__origin__", None) is not tuple else tuple
    try:
        if target is bool:
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if target is tuple:
            return tuple(text.split())
        return target(text)
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}.get(target, "another form")
        raise ConfigurationError(f"{name} is not {expected}.", remedy="Correct it in the environment.") from None


def env_file() -> str:
    """The commented env file with every setting and its default, for `deploy/`."""
    lines = [
        "# Every setting of emhwatch with its default. Generated by `emhwatch doctor --env`; do not edit the comments."
    ]
    for group, kind in get_type_hints(Settings).items():
        lines += ["", f"# {(kind.__doc__ or '').strip()}"]
        for item in fields(kind):
            default = item.default
            shown = (
                " ".join(default)
                if isinstance(default, tuple)
                else str(default).lower()
                if isinstance(default, bool)
                else default or ""
            )
            lines.append(f"# {item.metadata['help']}{' (secret)' if item.metadata['secret'] else ''}")
            lines.append(
                f"#EMHWATCH_{group}_{item.name}={shown}".replace(f"{group}_{item.name}", f"{group}_{item.name}".upper())
            )
    return "\n".join(lines) + "\n"
