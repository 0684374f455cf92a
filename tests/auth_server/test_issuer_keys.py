"""The keys of a trusted issuer, over real TLS with its own certificate authority."""

import asyncio
import datetime as dt
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from auth_server.errors import TemporarilyUnavailable
from auth_server.issuer_keys import IssuerKeys, direct
from auth_server.models import TrustedIssuer
from tests.auth_server.world import KUBERNETES_KEY, Clock

JWKS = json.dumps({"keys": [KUBERNETES_KEY.as_dict(private=False)]}).encode()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "ca.crt", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


@asynccontextmanager
async def _cluster(folder: Path) -> AsyncGenerator[tuple[TrustedIssuer, list[bytes]]]:
    pem, private = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(JWKS), JWKS))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        uri = f"https://127.0.0.1:{port}/openid/v1/jwks"
        yield TrustedIssuer(issuer="https://cluster", jwks_uri=uri, ca_file=str(pem)), heard


@pytest.mark.requirement("RS-33")
async def test_keys_are_fetched_over_tls_that_the_issuers_own_authority_vouches_for(tmp_path: Path) -> None:
    async with _cluster(tmp_path) as (trusted, heard):
        keys = await IssuerKeys(direct, Clock()).keys(trusted, "cluster-1")
    assert [key["kid"] for key in keys] == ["cluster-1"]
    assert heard[0].startswith(b"GET /openid/v1/jwks HTTP/1.1")


@pytest.mark.requirement("RS-33")
async def test_a_certificate_that_nobody_vouches_for_gives_no_keys(tmp_path: Path) -> None:
    async with _cluster(tmp_path) as (trusted, heard):
        other = replace(trusted, ca_file=None)
        with pytest.raises(TemporarilyUnavailable):
            await IssuerKeys(direct, Clock()).keys(other, "cluster-1")
    assert not heard


async def test_files_that_are_missing_are_an_outage(tmp_path: Path) -> None:
    async with _cluster(tmp_path) as (trusted, _):
        for other in (replace(trusted, ca_file="none.crt"), replace(trusted, token_file="none")):
            with pytest.raises(TemporarilyUnavailable):
                await IssuerKeys(direct, Clock()).keys(other, None)
