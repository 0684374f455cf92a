"""What a door is told when it is built. It refuses to stand where it could not protect."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict
from urllib.parse import urlsplit

from starlette.types import Scope

from resource_server.decision import Decision, logged
from resource_server.rate_limit import RateLimit
from resource_server.rules.rfc6749_scope import check_scope_names
from resource_server.rules.rfc7515_jws import ASYMMETRIC
from resource_server.rules.rfc8414_issuer import LOOPBACK

LONGEST_LEEWAY = 30.0
_COLLECTIONS = (
    *("scopes", "public_paths", "other_paths", "allowed_hosts", "allowed_origins", "algorithms"),
    *("token_types", "scope_claims", "client_claims"),
)


class Options(TypedDict, total=False):
    """The optional settings, as keyword arguments of Door. `Settings` says what each means."""

    scopes: Sequence[str]
    tools: Mapping[str, str | Sequence[str]] | None
    implies: Mapping[str, str | Sequence[str]]
    list_all_tools: bool
    list_all_on_request: bool
    scope_for: Callable[[Scope], Collection[str]] | None
    name: str
    mcp_path: str | None
    public_paths: Collection[str]
    ready_path: str
    other_paths: Collection[str]
    allowed_hosts: Collection[str]
    allowed_origins: Collection[str]
    jwks_uri: str | None
    allow_http: bool
    algorithms: Collection[str]
    token_types: Collection[str]
    scope_claims: Sequence[str]
    client_claims: Sequence[str]
    leeway: float
    max_token: int
    max_body: int
    cache_size: int
    keys_ttl: float
    refetch_interval: float
    key_wait: float
    rate_limit: RateLimit | None
    decided: Callable[[Decision], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of a door. Times are seconds, sizes bytes. Raises ValueError or TypeError when unsafe."""

    resource: str
    """This server's own identifier and only audience, byte for byte as clients use it (RFC 8707, RFC 9728)."""
    issuer: str
    """The one trusted authorization server, byte for byte as its metadata and tokens have it (RFC 8414 §2)."""
    scopes: Sequence[str] = ()
    """The baseline: required of every request, named in the 401 and in the metadata."""
    tools: Mapping[str, str | Sequence[str]] | None = None
    """The scope or scopes of each MCP tool; a tool that is not named here cannot be called. None: no MCP server."""
    implies: Mapping[str, str | Sequence[str]] = field(default_factory=dict[str, "str | Sequence[str]"])
    """Which narrower scopes a broader one contains."""
    list_all_tools: bool = False
    """Show in tools/list what the caller may not call yet, for clients that choose from there and can step up."""
    list_all_on_request: bool = False
    """Show it to those alone whose request says `Daca-List-Tools: all`: they can step up, or ask a person."""
    scope_for: Callable[[Scope], Collection[str]] | None = None
    """For apps that are no MCP servers: what a request needs beyond the baseline."""
    name: str = ""
    """`resource_name` in the metadata, for people."""
    mcp_path: str | None = None
    """Where the MCP endpoint stands in the app, if not at the resource's own path."""
    public_paths: Collection[str] = ("/healthz",)
    """Exact paths that anyone may ask."""
    ready_path: str = "/readyz"
    """Where the door tells anyone whether it can verify tokens: 200, or 503 until it has the issuer's keys."""
    other_paths: Collection[str] = ()
    """Exact paths beside the MCP endpoint that the baseline opens; all else there is 404."""
    allowed_hosts: Collection[str] = ()
    """Host header values beside the resource's own and the loopback names."""
    allowed_origins: Collection[str] = ()
    """Browser origins beside the resource's own; they also get CORS answers."""
    jwks_uri: str | None = None
    """Where the keys are, for an issuer without metadata."""
    allow_http: bool = False
    """Plain http beyond loopback, where something else (a mesh with mTLS) protects the wire."""
    algorithms: Collection[str] = ASYMMETRIC
    """Signature algorithms; only asymmetric ones can be named."""
    token_types: Collection[str] = ("at+jwt",)
    """`typ` header values. Add "jwt" for an issuer that does not follow RFC 9068."""
    scope_claims: Sequence[str] = ("scope",)
    """Where the scopes are, first found; such as ("scope", "scp")."""
    client_claims: Sequence[str] = ("client_id",)
    """Where the client is, first found; such as ("client_id", "azp")."""
    leeway: float = 5.0
    """Clock difference tolerated, at most 30."""
    max_token: int = 8192
    max_body: int = 1024 * 1024
    cache_size: int = 4096
    """Verified tokens remembered."""
    keys_ttl: float = 300.0
    """Keys are fetched anew after this, in the background."""
    refetch_interval: float = 10.0
    """An unknown `kid` leads to a fetch at most this often."""
    key_wait: float = 2.0
    """The longest a request waits for keys."""
    rate_limit: RateLimit | None = RateLimit(per_second=200, burst=2000)  # noqa: RUF009  a frozen value
    """Tool calls of one caller (client and subject)."""
    decided: Callable[[Decision], None] = logged
    """Hears of every tool call that was let in and of every refusal, before they are answered."""

    def __post_init__(self) -> None:
        """Refuse what would leave the door open or make its refusals useless."""
        _check_identifier("resource", self.resource, allow_http=self.allow_http)
        _check_identifier("issuer", self.issuer, allow_http=self.allow_http)
        _check_collections(self)
        named = [*self.scopes, *_all(self.tools or {}), *self.implies, *_all(self.implies)]
        if "offline_access" in check_scope_names(named):
            raise ValueError("offline_access is between a client and its authorization server, no scope of a resource")
        if not 0 <= self.leeway <= LONGEST_LEEWAY:
            raise ValueError(f"leeway is at most {LONGEST_LEEWAY:.0f} seconds: more keeps expired tokens alive")
        _check_algorithms(self.algorithms)
        _check_sizes(self)


def mcp_path_of(settings: Settings) -> str:
    """Where the MCP endpoint stands; for an app that is none, its resource's path."""
    return settings.mcp_path or urlsplit(settings.resource).path or "/"


def as_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as several."""
    return (names,) if isinstance(names, str) else tuple(names)


def _all(mapping: Mapping[str, str | Sequence[str]]) -> tuple[str, ...]:
    return tuple(name for names in mapping.values() for name in as_names(names))


def _check_identifier(what: str, value: Any, *, allow_http: bool) -> None:
    """RFC 8707 §2, RFC 9728 §1.2, RFC 8414 §2: absolute, https, no fragment; compared later byte for byte."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str: URL types add a slash to a bare origin, and then nothing matches")
    if not value:
        raise ValueError(f"a door needs its {what}: without one it cannot tell its own tokens from another's")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{what} {value!r} is no URL: {error}") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{what} {value!r} must be an absolute URL, such as https://host/path")
    if "#" in value or "?" in value or parts.username is not None or not value.isascii() or " " in value:
        raise ValueError(f"{what} {value!r} must have no fragment, query, user name, space or non-ASCII character")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not allow_http:
        raise ValueError(f"{what} {value!r} must be https, or http on loopback; allow_http=True takes it as it is")


def _check_collections(settings: Settings) -> None:
    """A string is a collection of its letters, and `"/" in "/healthz"` is true: neither is ever meant."""
    for name in _COLLECTIONS:
        if isinstance(getattr(settings, name), str):
            raise TypeError(f'{name} is a collection, such as ("one",), not one string')
    if mcp_path_of(settings) in settings.public_paths:
        raise ValueError("public_paths names the protected endpoint itself")
    if mcp_path_of(settings) == settings.ready_path:
        raise ValueError("ready_path names the protected endpoint itself")


def _check_algorithms(algorithms: Collection[str]) -> None:
    strange = sorted(set(algorithms) - ASYMMETRIC)
    if strange or not algorithms:
        raise ValueError(
            f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}; not {', '.join(strange) or algorithms!r}"
        )


def _check_sizes(settings: Settings) -> None:
    sizes = (settings.max_token, settings.max_body, settings.cache_size)
    if min(*sizes, settings.keys_ttl, settings.refetch_interval, settings.key_wait) <= 0:
        raise ValueError("sizes and times must be positive")
    if settings.tools is not None and settings.scope_for is not None:
        raise ValueError("scope_for is for apps that are no MCP servers; tools says it for those that are")
    if not settings.client_claims or not settings.scope_claims or not settings.token_types:
        raise ValueError("client_claims, scope_claims and token_types each name at least one")
