"""The command line of one app's sidecar on this machine: loopback only, both API tokens, no control plane."""

import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
READ_BUFFER: Final = "32Ki"
"""How large the headers of one call may be; daprd's own 4 KiB cuts off a large token."""

_SQLITE_RESOLVER: Final = b"components-contrib/nameresolution/sqlite.NewResolver"


@dataclass(frozen=True, kw_only=True)
class DaprdSpec:
    """One app and its sidecar. `resources` is a folder of components, `config` a Configuration file.

    `api_token` is what the app shows the sidecar, `app_token` what the sidecar shows the app; neither is empty.
    """

    app_id: str
    app_port: int | None
    http_port: int
    grpc_port: int
    internal_port: int
    metrics_port: int
    resources: Path
    config: Path
    api_token: str = field(repr=False)
    app_token: str = field(repr=False)
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Refuse what would make the sidecar an open proxy. Raises ValueError."""
        if not self.api_token or not self.app_token:
            raise ValueError(f"the sidecar of {self.app_id} needs both API tokens")


def command(binary: Path, spec: DaprdSpec) -> tuple[list[str], dict[str, str]]:
    """The arguments, and the environment to add to the caller's own. Tokens are in the environment only."""
    ports = {
        "--dapr-http-port": spec.http_port,
        "--dapr-grpc-port": spec.grpc_port,
        "--dapr-internal-grpc-port": spec.internal_port,
        "--metrics-port": spec.metrics_port,
    }
    argv = [str(binary), "--app-id", spec.app_id, "--app-protocol", "http"]
    if spec.app_port is not None:
        argv += ["--app-port", str(spec.app_port), "--app-channel-address", LOOPBACK]
    for flag, port in ports.items():
        argv += [flag, str(port)]
    for flag in ("--dapr-listen-addresses", "--dapr-internal-grpc-listen-address", "--metrics-listen-address"):
        argv += [flag, LOOPBACK]
    argv += ["--resources-path", str(spec.resources), "--config", str(spec.config)]
    argv += ["--placement-host-address", "", "--scheduler-host-address", ""]
    argv += ["--disable-init-endpoints", "config,subscribe", "--read-buffer-size", READ_BUFFER]
    argv += ["--log-level", spec.log_level, "--log-as-json"]
    tokens = {"DAPR_API_TOKEN": spec.api_token, "APP_API_TOKEN": spec.app_token}
    return argv, tokens | {"NAMESPACE": "default", "DAPR_HOST_IP": LOOPBACK}


def app_environ(spec: DaprdSpec) -> dict[str, str]:
    """What the app itself must find in its environment to use this sidecar."""
    return {
        "DAPR_HTTP_PORT": str(spec.http_port),
        "DAPR_GRPC_PORT": str(spec.grpc_port),
        "DAPR_API_TOKEN": spec.api_token,
        "APP_API_TOKEN": spec.app_token,
    }


def has_sqlite_resolver(binary: Path) -> bool:
    """Whether this daprd can find other sidecars through a SQLite file; a stock slim one cannot, and must use mDNS.

    Looks for the function's name, which Go keeps in stripped programs too: `--build-info` lists no components.
    """
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_SQLITE_RESOLVER) >= 0
