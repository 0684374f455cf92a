"""Chooses, once per process, how an app reaches secrets, state and other apps: through Dapr, or with no sidecar."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx2

from sidecar.embedded import FileSecrets, SqliteState
from sidecar.secrets import Secrets
from sidecar.state import State


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What an app gets from the world around it. `transport` reaches canonical origins, by sidecar or directly."""

    mode: Literal["embedded", "sidecar"]
    state: State
    secrets: Secrets
    transport: httpx2.AsyncBaseTransport


@asynccontextmanager
async def connect(
    environ: Mapping[str, str], *, app_id: str, data: Path, routes: Mapping[str, str]
) -> AsyncGenerator[Sidecar]:
    """Dapr when its environment is there, else files in `data`.

    `routes` maps canonical origins to app-ids; embedded, an origin is simply where it says it is.
    Raises StateUnavailable when the state file cannot be opened.
    """
    async with (
        SqliteState(data / "state.db", app_id) as state,
        httpx2.AsyncHTTPTransport(limits=LIMITS) as transport,
    ):
        secrets = FileSecrets(data / "secrets.json")
        yield Sidecar(mode="embedded", state=state, secrets=secrets, transport=transport)


LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=20)
