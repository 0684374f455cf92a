"""HTTP that waits for an app of this system while its supervisor starts it again."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx2

from cli.runfile import read_running
from cli.settings import Settings
from sidecar.patience import PatientTransport

_LONGEST: Final = 15.0


@asynccontextmanager
async def patient_http(settings: Settings) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client that is patient with the apps that run in this data folder, and with nobody else."""
    running = read_running(settings.data)
    ours = {_place(app.url) for app in running.apps.values()} if running else set[tuple[str | None, int | None]]()
    transport = PatientTransport(
        httpx2.AsyncHTTPTransport(), seconds=_LONGEST, waits_for=lambda url: _place(str(url)) in ours
    )
    async with httpx2.AsyncClient(transport=transport, timeout=httpx2.Timeout(30, read=300)) as http:
        yield http


def _place(url: str) -> tuple[str | None, int | None]:
    split = urlsplit(url)
    return split.hostname, split.port
