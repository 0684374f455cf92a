"""Agents' profiles name MCP servers by their usual URLs; where identity.yaml has others, the agent is told those."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from cli.declared import Declared
from cli.errors import Failure
from cli.plan import Plan
from cli.settings import Settings


def told_profiles(plan: Plan, declared: Declared, settings: Settings) -> dict[str, str]:
    """`DACA_PROFILES` for agents: a folder in the data folder where a URL differs, else nothing. Raises Failure."""
    source = Path(settings.environ["DACA_PROFILES"]) if settings.environ.get("DACA_PROFILES") else _shipped()
    target = settings.data / "profiles"
    changed = [_adapt(source / f"{name}.yaml", target, declared.resources) for name in plan.of("agent")]
    return {"DACA_PROFILES": str(target)} if any(changed) else {}


def adapted(profile: Mapping[str, Any], resources: Mapping[str, str]) -> dict[str, Any]:
    """The profile with the URLs that identity.yaml has for its MCP servers' names."""
    servers = cast("list[dict[str, Any]]", profile.get("mcp_servers") or [])
    return {**profile, "mcp_servers": [{**one, "url": resources.get(one["name"], one["url"])} for one in servers]}


def _adapt(file: Path, target: Path, resources: Mapping[str, str]) -> bool:
    """Write the adapted profile and its instructions, always: all agents of a run read the same folder."""
    try:
        profile = cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")))
        told = adapted(profile, resources)
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        (target / file.name).write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
        instructions = str(profile["instructions"])
        (target / instructions).write_bytes((file.parent / instructions).read_bytes())
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise Failure(f"the profile {file} cannot be read: {error}") from error
    return told != profile


def _shipped() -> Path:
    """Inside the installed package, or beside it in the repository."""
    spec = importlib.util.find_spec("daca_agents")
    if spec is None or spec.origin is None:
        raise Failure("daca_agents is not installed: run scripts/setup")
    here = Path(spec.origin).parent
    return next((folder for folder in (here / "profiles", here.parent / "profiles") if folder.is_dir()), here)
