"""The tiltfile evaluated by a Starlark interpreter, with Tilt's built-ins recorded instead of carried out."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import starlark

from tests import kustomized

ROOT = Path(__file__).resolve().parent.parent.parent
Call: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

# Of Tilt's API and of the two extensions that are loaded; anything else in the tiltfile is an error.
BUILT_INS = (
    "allow_k8s_contexts", "docker_build_with_restart", "fall_back_on", "helm_repo", "helm_resource",
    "k8s_resource", "k8s_yaml", "kustomize", "local_resource", "sync",
)  # fmt: skip


@dataclass
class Tilt:
    """What the tiltfile asked of Tilt, by built-in."""

    calls: dict[str, list[Call]] = field(default_factory=lambda: {name: [] for name in BUILT_INS})

    def record(self, name: str, *positional: Any, **named: Any) -> str:
        self.calls[name].append((positional, named))
        return f"{name}#{len(self.calls[name]) - 1}"

    def of(self, name: str) -> list[Call]:
        return self.calls[name]

    def named(self) -> set[str]:
        """Every name that the tiltfile gives to a resource."""
        return {
            *(
                named.get("resource_name", positional[0] if positional else "")
                for positional, named in self.of("helm_repo")
            ),
            *(positional[0] for positional, _ in self.of("helm_resource")),
            *(named.get("new_name") or positional[0] for positional, named in self.of("k8s_resource")),
            *(positional[0] for positional, _ in self.of("local_resource")),
        }


@pytest.fixture(scope="session")
def tilt() -> Tilt:
    """The tiltfile, evaluated."""
    seen, module, extensions = Tilt(), starlark.Module(), starlark.Module()
    for name in BUILT_INS:
        for target in (module, extensions):
            target.add_callable(name, functools.partial(seen.record, name))
    module["TRIGGER_MODE_MANUAL"] = "manual"
    dialect = starlark.Dialect.extended()
    dialect.enable_load = True
    dialect.enable_top_level_stmt = True
    source = (ROOT / "tiltfile").read_text(encoding="utf-8")
    frozen = extensions.freeze()
    loader = starlark.FileLoader(lambda _: frozen)
    starlark.eval(module, starlark.parse("tiltfile", source, dialect), starlark.Globals.extended_by([]), loader)
    return seen


@pytest.fixture(scope="session")
def rendered() -> list[dict[str, Any]]:
    """The overlay that the tiltfile applies."""
    return kustomized.render("overlays/tilt")
