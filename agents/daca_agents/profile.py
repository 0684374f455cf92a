"""An agent's profile: one YAML file and one Markdown file, checked before anything starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_INSTRUCTIONS = 32_000


class ProfileError(ValueError):
    """A profile that can not be used. The message has one line a fault: file:line: field: what is wrong."""


def _check_address(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{uri!r} is not an absolute http(s) URI")
    if "#" in uri or "?" in uri or "@" in parts.netloc:
        raise ValueError(f"{uri!r} may have no query, fragment or user")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{uri!r} must be https: plain http is for this machine only")
    return uri


Address = Annotated[str, AfterValidator(_check_address)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class McpServerEntry(_Strict):
    """An MCP server the agent may use, and the scopes it asks for there."""

    name: Identifier
    url: Address
    scopes: Annotated[tuple[Scope, ...], Field(strict=False)] = ()
    app_id: Identifier | None = None
    """The Dapr app-id that serves this URL; the name, when left out."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class Profile(_Strict):
    """One agent."""

    version: Literal[1]
    client_id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=80)]
    description: Annotated[str, Field(min_length=1, max_length=500)]
    instructions: Annotated[str, Field(min_length=1, max_length=_MOST_INSTRUCTIONS)]
    """In the file the name of a Markdown file beside it; once loaded, its text."""
    resource: Address
    port: Annotated[int, Field(ge=1, le=65535)]
    model: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    mcp_servers: Annotated[tuple[McpServerEntry, ...], Field(strict=False, max_length=16)] = ()
    peers: Annotated[tuple[Identifier, ...], Field(strict=False, max_length=0)] = ()
    approvals: Annotated[tuple[str, ...], Field(strict=False, max_length=0)] = ()

    @model_validator(mode="after")
    def _check_names(self) -> "Profile":
        for field in ("name", "url"):
            seen = [getattr(server, field) for server in self.mcp_servers]
            if twice := sorted({value for value in seen if seen.count(value) > 1}):
                raise ValueError(f"mcp_servers: {field} {', '.join(twice)} stands there twice")
        return self


def load_profile(path: Path) -> Profile:
    """Read and check one profile with its instructions. Raises ProfileError."""
    root, values = _parsed(path)
    try:
        profile = Profile.model_validate(values)
    except ValidationError as error:
        raise ProfileError("\n".join(_faults(path, root, error))) from None
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
        field = ".".join(str(part) for part in fault["loc"]) or "profile"
        yield f"{path}:{_line(root, fault['loc'])}: {field}: {fault['msg'].removeprefix('Value error, ')}"


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
    if not text or len(text) > _MOST_INSTRUCTIONS:
        raise ProfileError(f"{where}: {name} must hold 1 to {_MOST_INSTRUCTIONS} characters")
    return text
