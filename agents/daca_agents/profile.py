"""An agent's profile: one YAML file and one Markdown file, checked before anything starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError

from daca_agents.shape import MOST_INSTRUCTIONS, McpServerEntry, PeerEntry, Profile, strange

__all__ = ["McpServerEntry", "PeerEntry", "Profile", "ProfileError", "load_profile"]


class ProfileError(ValueError):
    """A profile that can not be used. The message has one line a fault: file:line: field: what is wrong."""


def load_profile(path: Path) -> Profile:
    """Read and check one profile with its instructions. Raises ProfileError."""
    root, values = _parsed(path)
    try:
        profile = Profile.model_validate(values)
    except ValidationError as error:
        raise ProfileError("\n".join(_faults(path, root, error))) from None
    if faults := [_fault(path, root, place, what) for place, what in strange(profile)]:
        raise ProfileError("\n".join(faults))
    return profile.model_copy(update={"instructions": _instructions(path, root, profile.instructions)})


def _parsed(path: Path) -> tuple[yaml.Node, object]:
    """The document with its line numbers, and its values; no key twice, nothing but plain data."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values: object = yaml.safe_load(text)
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileError(f"{path}: is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{path}:{line}: {error.problem}") from None
    if root is None:
        raise ProfileError(f"{path}:1: is empty")
    for node in _repeated(root):
        raise ProfileError(f"{path}:{node.start_mark.line + 1}: {node.value}: stands there twice")
    return root, values


def _repeated(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.ScalarNode, yaml.Node]]", node.value)
        keys = [key.value for key, _ in pairs]
        yield from (key for at, (key, _) in enumerate(pairs) if key.value in keys[:at])
        children = [value for _, value in pairs]
    elif isinstance(node, yaml.SequenceNode):
        children = cast("list[yaml.Node]", node.value)
    for child in children:
        yield from _repeated(child)


def _faults(path: Path, root: yaml.Node, error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        yield _fault(path, root, fault["loc"], fault["msg"].removeprefix("Value error, "))


def _fault(path: Path, root: yaml.Node, place: tuple[int | str, ...], what: str) -> str:
    field = ".".join(str(part) for part in place) or "profile"
    return f"{path}:{_line(root, place)}: {field}: {what}"


def _line(node: yaml.Node, place: tuple[int | str, ...]) -> int:
    """The line of the field, or of the nearest thing around it that is there."""
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == part), None)
            if found is None:
                break
            if part == place[-1]:
                return found[0].start_mark.line + 1
            node = found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
    return node.start_mark.line + 1


def _instructions(path: Path, root: yaml.Node, name: str) -> str:
    """The Markdown beside the profile: a bare file name, so that a profile reads nothing else."""
    where = f"{path}:{_line(root, ('instructions',))}: instructions"
    if Path(name).name != name or not name.endswith(".md"):
        raise ProfileError(f"{where}: {name!r} must be the name of a .md file beside the profile")
    try:
        text = (path.parent / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{where}: {name}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None
    if not text or len(text) > MOST_INSTRUCTIONS:
        raise ProfileError(f"{where}: {name} must hold 1 to {MOST_INSTRUCTIONS} characters")
    return text
