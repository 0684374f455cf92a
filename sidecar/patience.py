"""HTTP that waits for whoever is being started again: a refused connection has done nothing yet."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx2

SECONDS: Final = 5.0
"""How long an app waits for its sidecar to come back: it does within about two."""

_PAUSE: Final = 0.05


class PatientTransport(httpx2.AsyncBaseTransport):
    """Repeats a request that reached nobody, for so many seconds, where `waits_for` says that somebody should be."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        seconds: float = SECONDS,
        waits_for: Callable[[httpx2.URL], bool] = lambda _: True,
    ) -> None:
        self._inner = inner
        self._seconds = seconds
        self._waits_for = waits_for

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One answer. Raises httpx2.ConnectError when nobody has come back in time, and the rest at once."""
        until = time.monotonic() + (self._seconds if self._waits_for(request.url) else 0)
        while True:
            try:
                return await self._inner.handle_async_request(request)
            except httpx2.ConnectError:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(_PAUSE)

    async def aclose(self) -> None:
        """Close the transport underneath."""
        await self._inner.aclose()
