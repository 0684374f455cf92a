"""Trust in one issuer: its keys, the HTTP client that fetches them, and the check of tokens that rests on both."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2

from resource_server.key_set import KeySet
from resource_server.key_source import KeySource
from resource_server.keys import Keys, Pace
from resource_server.rules.rfc6749_scope import closure_of
from resource_server.rules.rfc8414_issuer import LOOPBACK
from resource_server.settings import Settings, as_names
from resource_server.token_check import Expected, TokenCheck, Verified


class Trust:
    """Verifies tokens by the settings. `http` fetches keys; without one there is an own client, closed at the end."""

    def __init__(
        self,
        settings: Settings,
        http: httpx2.AsyncClient | None = None,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._http, self._own_http = http, None
        self._source = KeySource(
            issuer=settings.issuer,
            jwks_uri=settings.jwks_uri,
            algorithms=frozenset(settings.algorithms),
            allow_http=settings.allow_http,
        )
        pace = Pace(ttl=settings.keys_ttl, refetch_interval=settings.refetch_interval, wait=settings.key_wait)
        self._keys = Keys(self._fetch_keys, pace, monotonic)
        implied = closure_of({scope: as_names(names) for scope, names in settings.implies.items()})
        self._check = TokenCheck(
            expected_by(settings), self._keys, implied=implied, clock=clock, size=settings.cache_size
        )

    def known(self, token: bytes) -> Verified | None:
        """The caller that this token proved before and still proves."""
        return self._check.known(token)

    async def verify(self, token: bytes) -> Verified:
        """The caller this token proves. Raises InvalidToken or KeysUnavailable."""
        return await self._check.verify(token)

    def ready(self) -> bool:
        """Whether it can tell a good token from a bad one: the issuer's keys were had, these or older ones."""
        return self._keys.ready()

    def start(self) -> None:
        """Fetch the keys now and keep them fresh, in the background."""
        self._keys.start()

    async def aclose(self) -> None:
        """End background work; close the own HTTP client. What is verified after this fetches keys when it must."""
        await self._keys.stop()
        if self._own_http is not None:
            await self._own_http.aclose()
            self._own_http = None

    async def _fetch_keys(self) -> KeySet:
        if self._http is not None:
            return await self._source.fetch(self._http)
        if self._own_http is None:
            through_proxy = urlsplit(self._settings.issuer).hostname not in LOOPBACK
            self._own_http = httpx2.AsyncClient(timeout=self._settings.key_wait, trust_env=through_proxy)
        return await self._source.fetch(self._own_http)


def expected_by(settings: Settings) -> Expected:
    """What these settings expect of a token."""
    return Expected(
        issuer=settings.issuer,
        resource=settings.resource,
        types=frozenset(name.lower().removeprefix("application/") for name in settings.token_types),
        algorithms=frozenset(settings.algorithms),
        scope_claims=tuple(settings.scope_claims),
        client_claims=tuple(settings.client_claims),
        leeway=settings.leeway,
    )
