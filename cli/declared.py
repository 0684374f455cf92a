"""What `daca` itself needs of identity.yaml: names and addresses. The authorization server judges the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from cli.errors import Failure


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Resource URIs by name, and by client the name of the secret that it proves itself with."""

    resources: Mapping[str, str]
    secrets: Mapping[str, str]


def read_declared(path: Path) -> Declared:
    """Raises Failure when the file is missing, is not YAML, or a name or URI is."""
    try:
        parsed: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}; name your identity file with --identity") from error
    except yaml.YAMLError as error:
        raise Failure(f"{path} is not YAML: {error}") from error
    resources = _members(path, parsed, "resources")
    clients = _members(path, parsed, "clients")
    return Declared(
        resources={_text(path, "resources", one, "name"): _text(path, "resources", one, "uri") for one in resources},
        secrets={
            _text(path, "clients", one, "client_id"): _text(path, "clients", one, "secret")
            for one in clients
            if "secret" in one
        },
    )


def _members(path: Path, parsed: object, name: str) -> list[Mapping[str, object]]:
    found: object = cast("dict[str, object]", parsed).get(name, []) if isinstance(parsed, dict) else None
    listed = cast("list[object]", found) if isinstance(found, list) else [None]
    if not all(isinstance(one, dict) for one in listed):
        raise Failure(f"{path}: {name} must be a list of mappings (docs/identity.schema.json)")
    return cast("list[Mapping[str, object]]", listed)


def _text(path: Path, where: str, one: Mapping[str, object], name: str) -> str:
    value = one.get(name)
    if not isinstance(value, str) or not value:
        raise Failure(f"{path}: an entry of {where} has no {name} (docs/identity.schema.json)")
    return value
