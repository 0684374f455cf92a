"""The shape of a profile, field by field; `agents/profile.schema.json` is made from it."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ASK = "agent:ask"
"""The scope that lets a caller in, at every agent."""
MOST_INSTRUCTIONS = 32_000
"""Characters of the instructions."""


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
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
Scopes = Annotated[tuple[Scope, ...], Field(strict=False)]
Words = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(strict=False, max_length=16)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Place(_Strict):
    name: Identifier = Field(description="What this agent calls it.")
    url: Address = Field(description="Its canonical URL: the resource that tokens for it are for.")
    scopes: Scopes = Field(default=(), description="What is asked for there, and the most that ever is.")
    app_id: Identifier | None = Field(default=None, description="The Dapr app-id that serves it, if not the name.")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class McpServerEntry(_Place):
    """An MCP server the agent may use."""


class PeerEntry(_Place):
    """Another agent it may ask, over A2A."""

    @property
    def tool(self) -> str:
        """The name of the tool that asks it."""
        return f"ask_{self.name.replace('-', '_')}"


class SkillEntry(_Strict):
    """What it is good at, for those who read its card."""

    id: Identifier = Field(description="A short name of the skill.")
    name: str = Field(min_length=1, max_length=80, description="For people.")
    description: str = Field(min_length=1, max_length=500, description="In words.")
    tags: Words = Field(default=(), description="Words to find it by.")
    examples: Words = Field(default=(), description="What one might say.")


class Profile(_Strict):
    """One agent: who it is, what it may ask for, and whom."""

    model_config = ConfigDict(title="An agent's profile")

    version: Literal[1] = Field(description="Of this format.")
    client_id: Identifier = Field(description="Its client at the authorization server.")
    name: str = Field(min_length=1, max_length=80, description="For people.")
    description: str = Field(min_length=1, max_length=500, description="What it does; others decide by it.")
    instructions: str = Field(min_length=1, max_length=MOST_INSTRUCTIONS, description="A Markdown file beside this.")
    resource: Address = Field(description="Its own canonical URL: what tokens for it are issued for.")
    port: int = Field(ge=1, le=65535, description="Where it listens.")
    scopes: dict[Scope, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default={ASK: "Ask this agent"},
        description="What a token for it can be good for, in words; each lets in as `agent:ask` does.",
    )
    model: str | None = Field(default=None, min_length=1, max_length=100, description="Unless MODEL says otherwise.")
    acts: Literal["caller", "itself"] = Field(
        default="caller",
        description="In whose name it goes on: the caller's, by token exchange; or its own, where an issuer has none.",
    )
    mcp_servers: Annotated[tuple[McpServerEntry, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="The MCP servers that it may use."
    )
    peers: Annotated[tuple[PeerEntry, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="The agents that it may ask."
    )
    approvals: Annotated[tuple[ToolName, ...], Field(strict=False)] = Field(
        default=(), description="Tools that need a person's yes each time."
    )
    may_ask: dict[Identifier, Scopes] = Field(
        default={}, description="By MCP server: scopes that it may ask a person for when it lacks them."
    )
    skills: Annotated[tuple[SkillEntry, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="What its card says that it is good at."
    )


def strange(profile: Profile) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What no field can be seen to be wrong by itself: where, and what is wrong with it."""
    if ASK not in profile.scopes:
        yield ("scopes",), f"{ASK} must be among them: it lets callers in"
    yield from _twice("mcp_servers", profile.mcp_servers)
    yield from _twice("peers", profile.peers)
    servers = {server.name: server for server in profile.mcp_servers}
    for at, peer in enumerate(profile.peers):
        if peer.name in servers:
            yield ("peers", at, "name"), f"{peer.name} is the name of an MCP server too"
        if peer.url == profile.resource:
            yield ("peers", at, "url"), "is this agent itself"
    for name, scopes in profile.may_ask.items():
        if name not in servers:
            yield ("may_ask", name), "is none of mcp_servers"
        elif beyond := sorted(set(scopes) - set(servers[name].scopes)):
            yield ("may_ask", name), f"{', '.join(beyond)} is not among its scopes there"


def _twice(where: str, places: Sequence[_Place]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    for field in ("name", "url"):
        seen = [str(getattr(place, field)) for place in places]
        for at, value in enumerate(seen):
            if value in seen[:at]:
                yield (where, at, field), f"{value} stands there twice"


def schema() -> str:
    """The JSON Schema of a profile, as it is published."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Profile.model_json_schema()}
    return json.dumps(found, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
