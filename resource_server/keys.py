"""The authorization server's public keys, cached: fetched ahead, refreshed behind, never waited for long."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from resource_server.errors import InvalidToken, KeysUnavailable
from resource_server.key_set import KeySet, VerifyingKey

_LOG = logging.getLogger("resource_server.keys")
_RETRY_WHEN_EMPTY = 1.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how long, in seconds."""

    ttl: float
    refetch_interval: float
    wait: float


class Keys:
    """Holds the last good keys; one fetch at a time, and none that a flood of strange `kid`s could multiply."""

    def __init__(self, fetch: Callable[[], Awaitable[KeySet]], pace: Pace, monotonic: Callable[[], float]) -> None:
        self.generation = 0
        self._fetch = fetch
        self._pace = pace
        self._now = monotonic
        self._keys: KeySet = {}
        self._stale_at = self._strange_kid_at = self._retry_at = -math.inf
        self._flight: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> VerifyingKey:
        """The key with exactly this `kid` for exactly this `alg`. RFC 7515 §4.1.4, RFC 8725 §3.1.

        Raises KeysUnavailable when none was ever had, InvalidToken when the issuer has no such key.
        """
        if not self._keys:
            await self._wait_for_first()
        elif self._now() >= self._stale_at:
            self._begin()
        key = self._keys.get((key_id, algorithm))
        if key is None and self._is_strange(key_id):
            await self._wait_for(self._begin_for_strange_kid())
            key = self._keys.get((key_id, algorithm))
        if key is None:
            detail = f"no key for kid {key_id!r:.60} and alg {algorithm}"
            raise InvalidToken("the access token is signed with an unknown key", detail=detail)
        return key

    def ready(self) -> bool:
        """Whether any key is known; a server that runs no lifespan, or has none yet, begins to fetch by being asked."""
        if not self._keys:
            self._begin()
        return bool(self._keys)

    def start(self) -> None:
        """Fetch now and keep fresh, in the background; an authorization server that is away fails nothing."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End what runs in the background."""
        tasks = [task for task in (self._keeper, self._flight) if task is not None]
        self._keeper = self._flight = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            flight = self._begin()
            if flight is not None:
                await asyncio.wait({flight})
            due = self._retry_at if self._now() >= self._stale_at else self._stale_at
            await asyncio.sleep(max(due - self._now(), _RETRY_WHEN_EMPTY / 10))

    def _is_strange(self, key_id: str | None) -> bool:
        return all(known != key_id for known, _ in self._keys)

    def _begin_for_strange_kid(self) -> asyncio.Task[None] | None:
        if self._now() < self._strange_kid_at:
            return self._flight
        self._strange_kid_at = self._now() + self._pace.refetch_interval
        return self._begin()

    def _begin(self) -> asyncio.Task[None] | None:
        """Begin a fetch, join the one under way, or do nothing when one has just failed."""
        if self._flight is None and self._now() >= self._retry_at:
            self._flight = asyncio.create_task(self._refresh())
        return self._flight

    async def _wait_for_first(self) -> None:
        """A server and its issuer often start together: one more attempt is worth a moment. Raises KeysUnavailable."""
        await self._wait_for(self._begin())
        if not self._keys:
            await asyncio.sleep(min(max(self._retry_at - self._now(), 0), self._pace.wait))
            await self._wait_for(self._begin())
        if not self._keys:
            raise KeysUnavailable(math.ceil(_RETRY_WHEN_EMPTY))

    async def _wait_for(self, flight: asyncio.Task[None] | None) -> None:
        if flight is not None:
            await asyncio.wait({flight}, timeout=self._pace.wait)

    async def _refresh(self) -> None:
        try:
            fetched = await self._fetch()
        except Exception as error:  # noqa: BLE001  whatever the HTTP client in use raises, the last good keys stay
            self._retry_at = self._now() + (self._pace.refetch_interval if self._keys else _RETRY_WHEN_EMPTY)
            _LOG.warning(
                "keys not refreshed, %s: %s", "the last good ones serve on" if self._keys else "none yet", error
            )
        else:
            self.generation += fetched != self._keys
            self._keys = fetched
            self._stale_at = self._now() + self._pace.ttl
        finally:
            self._flight = None
