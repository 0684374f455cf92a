"""Which agents there are: profiles, in the folder that is named or here and in the package. A new one needs no code.

Profiles name MCP servers and peers by their usual URLs; where identity.yaml has others, the agent is told those.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml

from cli.declared import Declared
from cli.errors import Failure
from cli.plan import Plan
from cli.settings import Settings

_HERE: Final = Path("agents", "profiles")
_USUAL_PORT: Final = 8010


def profile_folders(settings: Settings) -> list[Path]:
    """Where profiles are looked for, the first place first: DACA_PROFILES alone, else `./agents/profiles` and ours."""
    if named := settings.environ.get("DACA_PROFILES"):
        return [Path(named).resolve()]
    return list(dict.fromkeys((_HERE.resolve(), _shipped())))


def find_profiles(settings: Settings) -> dict[str, Path]:
    """The file of each agent's profile, by the agent's name."""
    files = [file for folder in reversed(profile_folders(settings)) for file in sorted(folder.glob("*.yaml"))]
    return {file.stem: file for file in files}


def usual_ports(profiles: Mapping[str, Path]) -> dict[str, int]:
    """The port that each profile names. One that cannot be read is refused when its agent is to run, not before."""
    return {name: _port(file) for name, file in profiles.items()}


def told_profiles(plan: Plan, declared: Declared, settings: Settings) -> dict[str, str]:
    """`DACA_PROFILES` for agents: a folder in the data folder, unless theirs is where they look anyway. Raises Failure.

    All agents of a run read the same folder, so each is written there as soon as one has to be.
    """
    target = settings.data / "profiles"
    files = [file for name, file in find_profiles(settings).items() if name in plan.of("agent")]
    changed = [_adapt(file, target, declared.resources) for file in files]
    usual = profile_folders(settings)[-1]
    return {"DACA_PROFILES": str(target)} if any(changed) or any(file.parent != usual for file in files) else {}


def adapted(profile: Mapping[str, Any], name: str, resources: Mapping[str, str]) -> dict[str, Any]:
    """The profile with the URLs that identity.yaml has for the agent itself, its MCP servers and its peers."""
    told = {**profile, "resource": resources.get(name, profile.get("resource"))}
    for field in ("mcp_servers", "peers"):
        if field in profile:
            told[field] = [_at(one, resources) for one in cast("Sequence[dict[str, Any]]", profile[field] or [])]
    return told


def _at(one: Mapping[str, Any], resources: Mapping[str, str]) -> dict[str, Any]:
    return {**one, "url": resources.get(one["name"], one["url"])}


def _adapt(file: Path, target: Path, resources: Mapping[str, str]) -> bool:
    try:
        profile = _read(file)
        told = adapted(profile, file.stem, resources)
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        (target / file.name).write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
        instructions = str(profile["instructions"])
        (target / Path(instructions).name).write_bytes((file.parent / instructions).read_bytes())
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Failure(f"the profile {file} cannot be read: {error}") from error
    return told != profile


def _port(file: Path) -> int:
    try:
        port = _read(file).get("port")
    except (OSError, yaml.YAMLError, AttributeError, UnicodeDecodeError):
        return _USUAL_PORT
    return port if isinstance(port, int) else _USUAL_PORT


def _read(file: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")))


def _shipped() -> Path:
    """Inside the installed package, or beside it in the repository."""
    spec = importlib.util.find_spec("daca_agents")
    if spec is None or spec.origin is None:
        raise Failure("daca_agents is not installed: run scripts/setup")
    here = Path(spec.origin).resolve().parent
    return next((folder for folder in (here / "profiles", here.parent / "profiles") if folder.is_dir()), here)
