"""Chooses, once per process, how an app reaches secrets, state and other apps: through Dapr, or with no sidecar."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import httpx2

from sidecar.audit import Audit, Listener
from sidecar.callers import Callers
from sidecar.dapr_http import Address, SidecarUnavailable, address_of, client_of, wait_until_ready
from sidecar.dapr_secrets import DaprSecrets
from sidecar.dapr_state import DaprState
from sidecar.embedded import FileSecrets, SqliteState
from sidecar.events import Events
from sidecar.secrets import Secrets
from sidecar.state import State
from sidecar.trace import TracedTransport
from sidecar.transport import LIMITS, SidecarTransport


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What an app gets from the world around it.

    `transport` reaches canonical origins, by sidecar or directly; `callers` tells whose sidecar brought a request;
    `audit` is where the app tells its decisions.
    """

    mode: Literal["embedded", "sidecar"]
    state: State
    secrets: Secrets
    transport: httpx2.AsyncBaseTransport
    callers: Callers = field(default_factory=Callers)
    audit: Audit = field(default_factory=Audit)


@asynccontextmanager
async def connect(
    environ: Mapping[str, str],
    *,
    app_id: str,
    data: Path,
    routes: Mapping[str, str],
    listeners: Sequence[Listener] = (),
    outgoing: Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport] = TracedTransport,
) -> AsyncGenerator[Sidecar]:
    """Dapr when its environment is there, else files in `data`. `listeners` hear the audit events too.

    `routes` maps canonical origins to app-ids; embedded, an origin is simply where it says it is. `outgoing` is put
    around the transport: every call to another app goes through it.
    Raises StateUnavailable when the state file cannot be opened, SidecarUnavailable when the sidecar stays unready, or
    is not there at all where `DACA_REQUIRE_SIDECAR=1` says it must be: an injector that was away leaves a pod without.
    """
    address = address_of(environ)
    if address is None and environ.get("DACA_REQUIRE_SIDECAR") == "1":
        raise SidecarUnavailable("there is no sidecar: DAPR_HTTP_PORT is not set, and DACA_REQUIRE_SIDECAR=1 wants one")
    if address is None:
        chosen = _embedded(app_id, data, listeners)
    else:
        chosen = _behind(address, app_id, routes, Callers(environ.get("APP_API_TOKEN", "")), listeners)
    async with chosen as sidecar:
        yield replace(sidecar, transport=outgoing(sidecar.transport))


@asynccontextmanager
async def _embedded(app_id: str, data: Path, listeners: Sequence[Listener]) -> AsyncGenerator[Sidecar]:
    async with (
        SqliteState(data / "state.db", app_id) as state,
        httpx2.AsyncHTTPTransport(limits=LIMITS) as transport,
    ):
        secrets = FileSecrets(data / "secrets.json")
        yield Sidecar(mode="embedded", state=state, secrets=secrets, transport=transport, audit=Audit(listeners))


@asynccontextmanager
async def _behind(
    address: Address, app_id: str, routes: Mapping[str, str], callers: Callers, listeners: Sequence[Listener]
) -> AsyncGenerator[Sidecar]:
    async with client_of(address) as http, SidecarTransport(address, routes) as transport:
        await wait_until_ready(http)
        async with Events(http, app_id) as events:
            yield Sidecar(
                mode="sidecar",
                state=DaprState(http),
                secrets=DaprSecrets(http),
                transport=transport,
                callers=callers,
                audit=Audit([events.hear, *listeners], lambda: events.dropped),
            )
