"""Dapr's resource files, filled in for one machine: Dapr expands variables in a Configuration, not in components."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final, Literal, TypeAlias

Value: TypeAlias = str | Sequence[str] | Sequence[Mapping[str, str]]
Resolver: TypeAlias = Literal["sqlite", "mdns"]

APIS: Final[Mapping[str, tuple[str, ...]]] = {
    "auth-server": ("publish", "secrets", "state"),
    "mcp": ("invoke", "publish", "state"),
    "agent": ("invoke", "publish", "secrets", "state"),
}
"""Which APIs of its sidecar an app may use, by what kind of app it is. Being invoked needs none."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one app may do through its sidecar. No API at all cannot be said: to Dapr an empty list allows every one."""

    apis: Sequence[str]
    secrets: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raises ValueError when no API is named."""
        if not self.apis:
            raise ValueError("an empty API list allows every API: name one")


def render(source: Path, target: Path, values: Mapping[str, Value]) -> list[Path]:
    """Write every `*.yaml` of `source` into `target`, `${name}` replaced by its value, mode 0600.

    A value becomes a JSON string or list, which is YAML and cannot end early. Raises KeyError for an unknown name.
    """
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    quoted = {name: _quoted(value) for name, value in values.items()}
    return [_render(path, target / path.name, quoted) for path in sorted(source.glob("*.yaml"))]


def render_configuration(source: Path, target: Path, *, access: Access, names: Path, resolver: Resolver) -> Path:
    """Write one app's Configuration `daca` to the file `target`. `names` is the SQLite file the sidecars share."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    values: dict[str, Value] = {
        "allowed_apis": [_rule(api, protocol) for api in access.apis for protocol in ("http", "grpc")],
        "allowed_secrets": tuple(access.secrets),
        "names": str(names),
    }
    return _render(source / f"{resolver}.yaml", target, {name: _quoted(value) for name, value in values.items()})


def _render(source: Path, target: Path, quoted: Mapping[str, str]) -> Path:
    text = Template(source.read_text(encoding="utf-8")).substitute(quoted)
    handle = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return target


def _rule(api: str, protocol: str) -> Mapping[str, str]:
    return {"name": api, "version": "v1", "protocol": protocol}


def _quoted(value: Value) -> str:
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)
