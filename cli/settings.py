"""What every command knows about where it is: the data folder, the identity file, the issuer. Read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

ISSUER = "http://localhost:9000"

Mode: TypeAlias = Literal["embedded", "sidecars"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`environ` is what child processes inherit; `dapr` tells of a sidecar of this very process, as in a pod."""

    data: Path
    identity: Path
    issuer: str
    host: str
    environ: Mapping[str, str] = field(repr=False)
    dapr: Mapping[str, str] = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    client_key: str | None = field(default=None, repr=False)
    vault: str = "auto"

    said: frozenset[str] = frozenset()

    def beside(self, identity: Path, issuer: str) -> "Settings":
        """With what a running system has, wherever the user named nothing else."""
        return replace(
            self,
            identity=self.identity if "identity" in self.said else identity,
            issuer=self.issuer if "issuer" in self.said else issuer,
        )

    @property
    def secrets_file(self) -> Path:
        """The secrets of a laptop, in both modes."""
        return self.data / "secrets.json"


def read_settings(environ: Mapping[str, str], data: Path | None, identity: Path | None) -> Settings:
    """Options win over the environment, the environment over the defaults. Paths are made absolute."""
    inherited = {name: value for name, value in environ.items() if not _is_private(name)}
    return Settings(
        data=(data or Path(environ.get("DACA_DATA") or ".daca")).resolve(),
        identity=(identity or Path(environ.get("DACA_IDENTITY") or "identity.yaml")).resolve(),
        issuer=environ.get("DACA_ISSUER") or ISSUER,
        host=environ.get("DACA_HOST") or "127.0.0.1",
        environ=inherited,
        dapr=_own_sidecar(environ),
        client_secret=environ.get("DACA_CLIENT_SECRET") or None,
        client_key=environ.get("DACA_CLIENT_KEY") or None,
        vault=environ.get("DACA_VAULT") or "auto",
        said=frozenset(
            name
            for name, value in (
                ("identity", identity or environ.get("DACA_IDENTITY")),
                ("issuer", environ.get("DACA_ISSUER")),
            )
            if value
        ),
    )


def _is_private(name: str) -> bool:
    """Credentials of `daca call`, and whatever tells of a sidecar of this process: not for the processes it starts."""
    return name in {"DACA_CLIENT_SECRET", "DACA_CLIENT_KEY", "APP_API_TOKEN"} or name.startswith("DAPR_")


def _own_sidecar(environ: Mapping[str, str]) -> dict[str, str]:
    if not (environ.get("DAPR_HTTP_PORT") or environ.get("DAPR_HTTP_ENDPOINT")):
        return {}
    return {name: value for name, value in environ.items() if name.startswith("DAPR_")}
