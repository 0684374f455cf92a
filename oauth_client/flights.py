"""One flight per key: whoever asks while it is under way shares it, and nobody's cancellation ends it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Generic, TypeVar

from oauth_client.errors import OAuthClientError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flights(Generic[K, V]):
    """Shares running work by key. A failure is answered from memory for `backoff` seconds, a success never.

    `abandoned`: a flight that nobody waits for any more is given up.
    """

    def __init__(self, clock: Callable[[], float], backoff: float, *, abandoned: bool = False) -> None:
        self._abandoned = abandoned
        self._waiters: Counter[K] = Counter()
        self._clock = clock
        self._backoff = backoff
        self._tasks: dict[K, asyncio.Task[V]] = {}
        self._failed: dict[K, tuple[float, OAuthClientError]] = {}

    async def join(self, key: K, work: Callable[[], Coroutine[None, None, V]]) -> V:
        """Wait for the flight of this key, taking off if there is none. Raises what it raised."""
        failure = self._failure(key)
        if failure is not None:
            raise failure.with_traceback(None)
        task = self.start(key, work)
        self._waiters[key] += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise OAuthClientError("closed while a token was on its way") from None
            raise
        finally:
            self._leave(key, task)

    def _leave(self, key: K, task: asyncio.Task[V]) -> None:
        self._waiters[key] -= 1
        if not self._waiters[key]:
            del self._waiters[key]
            if self._abandoned and self._tasks.get(key) is task:
                # From now on whoever asks takes off anew, though this one may take a turn to land.
                del self._tasks[key]
                task.cancel()

    def start(self, key: K, work: Callable[[], Coroutine[None, None, V]]) -> asyncio.Task[V]:
        """Take off unless a flight of this key is under way; wait for nothing."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._tasks[key] = task
            task.add_done_callback(partial(self._landed, key))
        return task

    def rests(self, key: K) -> bool:
        """Did this key fail a moment ago, so that trying again is too early?"""
        return self._failure(key) is not None

    async def aclose(self) -> None:
        """Give up every flight, and wait until it is down."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, key: K, task: asyncio.Task[V]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OAuthClientError):
            self._failed[key] = (self._clock() + self._backoff, error)

    def _failure(self, key: K) -> OAuthClientError | None:
        now = self._clock()
        self._failed = {k: kept for k, kept in self._failed.items() if kept[0] > now}
        kept = self._failed.get(key)
        return kept[1] if kept else None
