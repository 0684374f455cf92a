"""What is known about a resource, its authorization server and its tokens: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast


@dataclass(frozen=True)
class Document:
    """A JSON object from a stranger: a member is of the type it should be, or as good as absent. RFC 8259 §4."""

    members: Mapping[str, object] = field(repr=False)

    def text(self, name: str) -> str:
        """A string member, or the empty string."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    def strings(self, name: str) -> tuple[str, ...]:
        """The strings of an array member, each once, in order."""
        value = self.members.get(name)
        if not isinstance(value, list):
            return ()
        return tuple(dict.fromkeys(item for item in cast("list[object]", value) if isinstance(item, str) and item))


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
    """What an authorization server says about itself, as far as a client needs it. RFC 8414 §2.

    An empty tuple or string means that the server does not say.
    """

    issuer: str
    token_endpoint: str
    grant_types: tuple[str, ...] = ()
    auth_methods: tuple[str, ...] = ()
    signing_algs: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    challenge_methods: tuple[str, ...] = ()
    authorization_endpoint: str = ""
    registration_endpoint: str = ""
    revocation_endpoint: str = ""
    backchannel_endpoint: str = ""
    delivery_modes: tuple[str, ...] = ()
    promises_iss: bool = False
    takes_documents: bool = False


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An authorization request on its way through the browser: what its answer is held against. RFC 9207 §2.4."""

    server: ServerMetadata
    client_id: str
    redirect_uri: str
    resource: str
    scopes: frozenset[str]
    state: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Started:
    """A server's word that it asks somebody: by which id to come for the answer, when at most and how often. CIBA §7.3.

    `where` is the page on which they decide, as far as the server says.
    """

    auth_req_id: str = field(repr=False)
    expires_in: int
    interval: int
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A question that waits for a person: what they are asked, and on which page, as far as that is known."""

    resource: str
    issuer: str
    scopes: frozenset[str]
    binding_message: str
    where: str
    ends: float


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
    refresh_token: str = field(default="", repr=False)


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
