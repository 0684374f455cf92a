"""What stands in the demonstration's own folder: the agents' profiles as the story needs them, and a client's key."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml
from joserfc import jwk

from cli.profiles import find_profiles
from cli.settings import Settings
from oauth_client import PrivateKey

_KEY: Final = "courier.json"


def profiles_for_chain(settings: Settings, folder: Path) -> str:
    """A copy of every profile. Scribe asks nobody for mcp:delete here: it has that, and lacks only a person's yes."""
    target = folder / "profiles"
    target.mkdir()
    for name, file in find_profiles(settings).items():
        profile = cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")))
        told = {field: value for field, value in profile.items() if (name, field) != ("scribe", "may_ask")}
        (target / file.name).write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
        shutil.copy(file.parent / str(profile["instructions"]), target)
    return str(target)


def courier_key(folder: Path) -> Mapping[str, Any]:
    """A new key of the client `courier`, kept beside the identity file: its public half."""
    key = jwk.ECKey.generate_key("P-256", {"kid": "courier", "use": "sig"})
    (folder / _KEY).write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
    return key.as_dict(private=False)


def read_courier(folder: Path) -> PrivateKey | None:
    """The client with that key, if the story has one."""
    file = folder / _KEY
    return PrivateKey("courier", file.read_text(encoding="utf-8")) if file.is_file() else None
