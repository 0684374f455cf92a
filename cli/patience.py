"""HTTP that waits for an app of this system while its supervisor starts it again."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2

from cli.runfile import read_running
from cli.settings import Settings

_LONGEST = 15.0
_PAUSE = 0.1


class PatientTransport(httpx2.AsyncBaseTransport):
    """Repeats a request that reached nobody, to the given origins only: a refused connection has done nothing yet."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, origins: Collection[str], longest: float = _LONGEST) -> None:
        self._inner = inner
        self._origins = frozenset(origins)
        self._longest = longest

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises httpx2.ConnectError when nobody has come back in time."""
        until = time.monotonic() + (self._longest if _origin(str(request.url)) in self._origins else 0)
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


@asynccontextmanager
async def patient_http(settings: Settings) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client that is patient with the apps that run in this data folder, and with nobody else."""
    running = read_running(settings.data)
    origins = [_origin(app.url) for app in running.apps.values()] if running else []
    transport = PatientTransport(httpx2.AsyncHTTPTransport(), origins)
    async with httpx2.AsyncClient(transport=transport, timeout=httpx2.Timeout(30, read=300)) as http:
        yield http


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"
