"""mTLS against a real TLS server that asks for a client certificate: only the configured one gets through."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emhwatch.bootstrap import WallClock
from emhwatch.errors import EmhError
from emhwatch.fhir.connect import connect
from emhwatch.settings import FhirSettings

_BODY = b'{"resourceType":"Patient","id":"p1"}'
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test, in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        folder.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(folder, key, certificate)

    @property
    def file(self) -> str:
        return str(self.folder / "ca.pem")

    def issue(self, name: str) -> tuple[str, str]:
        """Files of a certificate for 127.0.0.1, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            _builder(subject, self.certificate.subject, key)
            .add_extension(alternative, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(files[0]), str(files[1])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
    )


@asynccontextmanager
async def _server(authority: Authority, callers: list[str]) -> AsyncIterator[str]:
    """A server that lets in who shows a certificate of `authority`, and notes the name in it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.load_cert_chain(*authority.issue("server"))
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = writer.get_extra_info("peercert")
        callers.append(dict(part[0] for part in shown["subject"])["commonName"])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_ANSWER % (len(_BODY), _BODY))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/fhir"


async def _read(base: str, ca_file: str, certificate: tuple[str, str] = ("", "")) -> str:
    files = {"cert_file": certificate[0], "cert_key_file": certificate[1]}
    auth = "mtls" if certificate[0] else "none"
    connection = connect(FhirSettings(base_url=base, auth=auth, ca_file=ca_file, **files), clock=WallClock())
    try:
        return str((await connection.client.read("Patient/p1"))["id"])
    finally:
        await connection.close()


async def test_the_configured_certificate_opens_the_server(tmp_path: Path) -> None:
    authority, callers = Authority.make(tmp_path / "ours"), list[str]()
    async with _server(authority, callers) as base:
        assert await _read(base, authority.file, authority.issue("emhwatch")) == "p1"
    assert callers == ["emhwatch"]


async def test_without_a_certificate_or_with_a_foreign_one_the_error_is_clear(tmp_path: Path) -> None:
    authority, callers = Authority.make(tmp_path / "ours"), list[str]()
    foreign = Authority.make(tmp_path / "foreign")
    async with _server(authority, callers) as base:
        for certificate in (("", ""), foreign.issue("intruder")):
            with pytest.raises(EmhError) as refused:
                await _read(base, authority.file, certificate)
            assert refused.value.code == "fhir-unavailable"
    assert callers == []


async def test_a_server_with_a_foreign_certificate_gets_nothing(tmp_path: Path) -> None:
    authority, callers = Authority.make(tmp_path / "ours"), list[str]()
    foreign = Authority.make(tmp_path / "foreign")
    async with _server(authority, callers) as base:
        with pytest.raises(EmhError):
            await _read(base, foreign.file, authority.issue("emhwatch"))
    assert callers == []
