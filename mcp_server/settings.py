"""What one tool server is told from outside, read once; an unsafe value stops the start."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ToolsetName: TypeAlias = Literal["notes", "clock"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _check_origin(uri: str) -> str:
    """A web address without anything that makes two spellings of one name. http only on this machine."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{uri!r} is not an absolute http(s) URI")
    if parts.query or parts.fragment or "#" in uri or "?" in uri or "@" in parts.netloc:
        raise ValueError(f"{uri!r} may have no query, fragment or user")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{uri!r} must be https: plain http is for this machine only")
    return uri


def _check_resource(uri: str) -> str:
    """A resource identifier of an MCP endpoint, served at exactly `/mcp`. RFC 8707 §2, RFC 9728 §1.2."""
    if urlsplit(_check_origin(uri)).path != "/mcp":
        raise ValueError(f"{uri!r} must end in exactly /mcp, where the tools are served")
    return uri


class Settings(BaseSettings):
    """Everything a tool server needs to know. Environment variables carry the prefix `DACA_`."""

    model_config = SettingsConfigDict(env_prefix="DACA_", frozen=True, extra="ignore")

    issuer: Annotated[str, AfterValidator(_check_origin)] = "http://localhost:9000"
    """Whose tokens are good here; compared byte for byte."""
    resource: Annotated[str, AfterValidator(_check_resource)]
    """This server's own name: the one audience it accepts."""
    data: Path = Path(".daca")
    """Folder of the embedded state and secrets."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    routes: dict[str, str] = {}
    """Canonical origin → Dapr app-id, beyond the issuer's own."""
    allowed_origins: tuple[str, ...] = ()
    """Web origins whose pages may call this server, beside its own."""
    allowed_hosts: tuple[str, ...] = ()
    """Host headers accepted beside the resource's own."""
    list_all_tools: bool = False
    """Show every caller every tool: for clients that choose from tools/list and can ask a person for more."""
    calls_per_second: Annotated[float, Field(ge=0)] = 200.0
    """Tool calls a second one caller may keep up, ten times as many at once. 0 turns the limit off."""


class NotesSettings(Settings):
    """Where the notes live unless told otherwise."""

    resource: Annotated[str, AfterValidator(_check_resource)] = "http://localhost:8000/mcp"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000


class ClockSettings(Settings):
    """Where the clock stands unless told otherwise."""

    resource: Annotated[str, AfterValidator(_check_resource)] = "http://localhost:8001/mcp"
    port: Annotated[int, Field(ge=1, le=65535)] = 8001


def settings_for(toolset: ToolsetName) -> Settings:
    """Read the environment once, over this toolset's own defaults. Raises pydantic's ValidationError."""
    return NotesSettings() if toolset == "notes" else ClockSettings()
