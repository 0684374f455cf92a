"""What is known about a resource, its authorization server and its tokens: frozen values, no behaviour."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """The Bearer challenge of a refusal. RFC 6750 §3, RFC 9728 §5.1. Empty when the server sent none."""

    error: str = ""
    description: str = ""
    scopes: tuple[str, ...] = ()
    resource_metadata: str | None = None


@dataclass(frozen=True, kw_only=True)
class ResourceMetadata:
    """What a protected resource says about itself. RFC 9728 §2."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    where: str


@dataclass(frozen=True, kw_only=True)
class ServerMetadata:
    """What an authorization server says about itself, as far as a token request needs it. RFC 8414 §2.

    An empty tuple means that the server does not say.
    """

    issuer: str
    token_endpoint: str
    grant_types: tuple[str, ...] = ()
    auth_methods: tuple[str, ...] = ()
    signing_algs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where tokens for one resource come from, checked on the way; `found_at` is in seconds of the clock."""

    metadata: ResourceMetadata
    server: ServerMetadata
    found_at: float


@dataclass(frozen=True, kw_only=True)
class TokenAnswer:
    """A token endpoint's success, checked. RFC 6749 §5.1. `lifetime` is in seconds, None when it was not said."""

    access_token: str = field(repr=False)
    lifetime: int | None
    scopes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token, opaque, for one resource.

    `obtained_at` and `expires_at` are in seconds of the clock in use (monotonic unless told otherwise),
    so that a change of the time of day neither ends nor prolongs it.
    """

    access_token: str = field(repr=False)
    obtained_at: float
    expires_at: float
    scopes: frozenset[str]
    issuer: str
    resource: str
    client_id: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What one token request carries to prove the client. `sensitive` lists what no message may repeat."""

    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    form: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    sensitive: tuple[str, ...] = field(default=(), repr=False)
