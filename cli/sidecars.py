"""The daprd beside each app: its ports and tokens, chosen for one run, and what its app is told about it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.plan import App, Plan
from cli.ports import pick
from cli.programs import Program
from cli.runfile import RunningSidecar
from cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """One app's sidecar. Its tokens are made for one run: they open its API, and prove its calls to the app."""

    app_id: str
    app_port: int | None
    http_port: int
    grpc_port: int
    internal_port: int
    metrics_port: int
    api_token: str = field(repr=False)
    app_token: str = field(repr=False)


def make_sidecar(app_id: str, app_port: int | None, ports: Sequence[int]) -> Sidecar:
    """With four ports of its own, and fresh tokens."""
    http_port, grpc_port, internal_port, metrics_port = ports
    return Sidecar(
        app_id=app_id,
        app_port=app_port,
        http_port=http_port,
        grpc_port=grpc_port,
        internal_port=internal_port,
        metrics_port=metrics_port,
        api_token=secrets.token_urlsafe(32),
        app_token=secrets.token_urlsafe(32),
    )


@dataclass(frozen=True, kw_only=True)
class Sidecars:
    """One for each app of a plan."""

    by_app: dict[str, Sidecar]
    programs: tuple[Program, ...]

    def told(self, name: str) -> dict[str, str]:
        """What an app is told about its sidecar: Dapr's own names."""
        return told(self.by_app[name])

    def running(self, name: str, pid: int) -> RunningSidecar:
        """For the run file."""
        own = self.by_app[name]
        return RunningSidecar(pid=pid, http_port=own.http_port, api_token=own.api_token)


def arrange(plan: Plan, settings: Settings, daprd: Path) -> Sidecars:
    """Choose ports and tokens, write the Dapr resources into the data folder. Raises Failure."""
    raise NotImplementedError


def told(sidecar: Sidecar) -> dict[str, str]:
    """Dapr's own environment, by which an app finds its sidecar."""
    return {
        "DAPR_HTTP_PORT": str(sidecar.http_port),
        "DAPR_GRPC_PORT": str(sidecar.grpc_port),
        "DAPR_API_TOKEN": sidecar.api_token,
        "APP_API_TOKEN": sidecar.app_token,
    }
