"""One HTTP client for all that an app asks of its own sidecar."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2
import structlog

from sidecar.patience import PatientTransport
from sidecar.state import StateUnavailable

TIMEOUT: Final = httpx2.Timeout(5, pool=10)
LIMITS: Final = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=20)
_READY_SECONDS: Final = 60.0
_PROGRESS_SECONDS: Final = 5.0


class SidecarUnavailable(StateUnavailable):
    """The sidecar did not become ready in time."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where this app's sidecar listens, and the token it wants."""

    url: str
    token: str = field(repr=False, default="")


def address_of(environ: Mapping[str, str]) -> Address | None:
    """The sidecar that Dapr's own environment names, or None. `DAPR_HTTP_ENDPOINT` goes before `DAPR_HTTP_PORT`."""
    port = environ.get("DAPR_HTTP_PORT")
    url = environ.get("DAPR_HTTP_ENDPOINT") or (f"http://127.0.0.1:{port}" if port else None)
    return Address(url=url.rstrip("/"), token=environ.get("DAPR_API_TOKEN", "")) if url else None


def client_of(address: Address) -> httpx2.AsyncClient:
    """A client of the sidecar's API: bounded in time and connections, no proxy, no redirects.

    It waits, within bounds, while the sidecar is being started again.
    """
    headers = {"dapr-api-token": address.token} if address.token else {}
    # Plain http to the own loopback verifies nothing, and loading every authority takes longer than the calls.
    verify = not address.url.startswith("http://")
    transport = PatientTransport(httpx2.AsyncHTTPTransport(limits=LIMITS, trust_env=False, verify=verify))
    return httpx2.AsyncClient(transport=transport, base_url=address.url, headers=headers, timeout=TIMEOUT)


async def wait_until_ready(http: httpx2.AsyncClient, *, seconds: float = _READY_SECONDS) -> None:
    """Wait until the sidecar has its components, with a log line now and then. Raises SidecarUnavailable.

    Asks for *outbound* health: the full one waits for the app's own port, and the app is waiting here.
    """
    log = structlog.get_logger()
    began = said = time.monotonic()
    while (why := await _not_ready(http)) is not None:
        now = time.monotonic()
        if now - began >= seconds:
            raise SidecarUnavailable(f"the sidecar at {http.base_url} is not ready after {seconds:.0f} s: {why}")
        if now - said >= _PROGRESS_SECONDS:
            said = now
            log.info("waiting for the sidecar", at=str(http.base_url), seconds=round(now - began), why=why)
        await asyncio.sleep(0.1)


async def _not_ready(http: httpx2.AsyncClient) -> str | None:
    try:
        answer = await http.get("/v1.0/healthz/outbound")
    except httpx2.TransportError as error:
        return type(error).__name__
    return None if answer.is_success else f"status {answer.status_code}"
