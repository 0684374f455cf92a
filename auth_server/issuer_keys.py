"""The keys of trusted issuers: fetched when first needed, kept, and fetched again for a key that is not known yet."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias

import httpx2
import structlog

from auth_server.errors import InvalidClientMetadata, TemporarilyUnavailable
from auth_server.models import Jwk, TrustedIssuer
from auth_server.rules.rfc7591_registration import keys_of

Http: TypeAlias = Callable[[TrustedIssuer], AbstractAsyncContextManager[httpx2.AsyncClient]]
_FRESH = 600.0
_AGAIN = 10.0
_LARGEST = 256 * 1024
_SECONDS = 5.0
_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server.issuer_keys")


class KeysUnavailableError(Exception):
    """The issuer's keys could not be fetched or read."""


@asynccontextmanager
async def direct(trusted: TrustedIssuer) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client that trusts what the issuer's entry says, follows no redirect and asks no proxy."""
    verify = ssl.create_default_context(cafile=trusted.ca_file) if trusted.ca_file else True
    async with httpx2.AsyncClient(verify=verify, follow_redirects=False, trust_env=False, timeout=_SECONDS) as client:
        yield client


@dataclass
class _Kept:
    """The last good keys of one entry, when they came, and when they were last asked for."""

    keys: tuple[Jwk, ...] = ()
    fetched: float = float("-inf")
    tried: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuerKeys:
    """One fetch at a time for each entry, at most every ten seconds; the last good keys outlive an outage."""

    def __init__(self, http: Http, clock: Callable[[], float]) -> None:
        self._http = http
        self._clock = clock
        self._kept: dict[TrustedIssuerKey, _Kept] = {}

    async def keys(self, trusted: TrustedIssuer, kid: object) -> Sequence[Jwk]:
        """The issuer's keys, with `kid` among them if it has that key. Raises TemporarilyUnavailable: none yet."""
        if trusted.jwks_uri is None:
            return trusted.jwks
        kept = self._kept.setdefault((trusted.jwks_uri, trusted.ca_file, trusted.token_file), _Kept())
        if self._wanting(kept, kid):
            async with kept.lock:
                if self._wanting(kept, kid):
                    await self._refetch(trusted, kept)
        if not kept.keys:
            raise TemporarilyUnavailable(
                "the issuer of the assertion cannot be asked for its keys", detail=trusted.issuer
            )
        return kept.keys

    def _wanting(self, kept: _Kept, kid: object) -> bool:
        now = self._clock()
        known = kid is None or any(key.get("kid") == kid for key in kept.keys)
        return (not known or not kept.keys or now - kept.fetched > _FRESH) and now - kept.tried >= _AGAIN

    async def _refetch(self, trusted: TrustedIssuer, kept: _Kept) -> None:
        kept.tried = self._clock()
        try:
            kept.keys = await self._fetched(trusted)
        except KeysUnavailableError as error:
            _LOG.error("a trusted issuer's keys cannot be had", issuer=trusted.issuer, why=str(error))
        else:
            kept.fetched = self._clock()

    async def _fetched(self, trusted: TrustedIssuer) -> tuple[Jwk, ...]:
        try:
            async with asyncio.timeout(_SECONDS), self._http(trusted) as client:
                return keys_of(json.loads(await _body(client, str(trusted.jwks_uri), _headers(trusted))))
        except (httpx2.HTTPError, OSError, ValueError, RecursionError, InvalidClientMetadata) as error:
            raise KeysUnavailableError(f"{type(error).__name__}: {error}") from error


TrustedIssuerKey: TypeAlias = tuple[str, str | None, str | None]


def _headers(trusted: TrustedIssuer) -> dict[str, str]:
    accept = {"Accept": "application/jwk-set+json, application/json"}
    if trusted.token_file is None:
        return accept
    return {**accept, "Authorization": f"Bearer {Path(trusted.token_file).read_text(encoding='utf-8').strip()}"}


async def _body(client: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> bytes:
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != HTTPStatus.OK:
            raise KeysUnavailableError(f"{url} answered {response.status_code}")
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise KeysUnavailableError(f"{url} answers more than {_LARGEST} bytes")
        return body
