"""A second look at a client whose secret does not fit: it may have been rotated a moment ago. So fast and no faster."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from auth_server.errors import TooManyGuesses
from auth_server.models import Client

AGAIN = 2.0
MOST = 256
MOST_TOGETHER = 1024


class SecondLook:
    """One look for all who wait for it, every two seconds at most for each client: no guess costs the stores more.

    Whoever comes too soon waits for the next one instead of being refused: what was rotated before a request came is
    seen by it, however many guess at the same time.
    """

    def __init__(
        self,
        look: Callable[[Client], Awaitable[Client | None]],
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._look = look
        self._clock = clock
        self._pause = pause
        self._coming: dict[str, asyncio.Task[Client | None]] = {}
        self._began: OrderedDict[str, float] = OrderedDict()
        self._waiting: Counter[str] = Counter()

    async def __call__(self, client: Client) -> Client | None:
        """The client as a look that begins after this moment finds it. Raises TooManyGuesses, StateUnavailable."""
        name = client.client_id
        with self._counted(name):
            if name not in self._coming:
                coming = asyncio.create_task(self._in_time(client))
                self._coming[name] = coming
                coming.add_done_callback(_looked_at)
            # Shielded: whoever came first may go away, the others still wait for it.
            return await asyncio.shield(self._coming[name])

    @contextmanager
    def _counted(self, name: str) -> Generator[None]:
        if self._waiting[name] >= MOST or self._waiting.total() >= MOST_TOGETHER:
            raise TooManyGuesses("too many wrong secrets at once: wait", detail="too many wait for a second look")
        self._waiting[name] += 1
        try:
            yield
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]

    async def _in_time(self, client: Client) -> Client | None:
        since = self._clock() - self._began.get(client.client_id, float("-inf"))
        if 0 <= since < AGAIN:
            await self._pause(AGAIN - since)
        # From here on nobody joins: this look may not see what is rotated now.
        del self._coming[client.client_id]
        self._forget()
        self._began[client.client_id] = self._clock()
        return await self._look(client)

    def _forget(self) -> None:
        """Those looked at so long ago that they may be looked at again; the oldest is the first."""
        while self._began and not 0 <= self._clock() - next(iter(self._began.values())) < AGAIN:
            self._began.popitem(last=False)


def _looked_at(done: asyncio.Task[Client | None]) -> None:
    """Nobody may be waiting any more."""
    if not done.cancelled():
        done.exception()
