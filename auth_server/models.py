"""What is known and remembered: frozen values, no behaviour. Times are seconds since 1970, durations seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from auth_server.people import DeclaredUser, SignedIn, Upstream

AuthMethod: TypeAlias = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
SigningAlg: TypeAlias = Literal["ES256", "RS256", "EdDSA"]
Jwk: TypeAlias = Mapping[str, object]
Claims: TypeAlias = Mapping[str, object]

CLIENT_CREDENTIALS = "client_credentials"
AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CIBA = "urn:openid:params:grant-type:ciba"

Reach: TypeAlias = Mapping[str, tuple[str, ...]]
"""Scopes by resource."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A protected resource: the audience of its tokens and the scopes that mean something there."""

    name: str
    uri: str
    scopes: Mapping[str, str]
    default_scopes: tuple[str, ...] = ()
    token_lifetime: int = 300
    signing_alg: SigningAlg = "ES256"
    introspection: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Whom a trusted issuer's token must name, to stand for a client; and who must bring it, if not anybody may."""

    issuer: str
    subject: str
    brought_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client as it counts now. Hashes are of secrets that are valid at this moment, newest first.

    `any_resource`: a person may let it reach whatever there is; otherwise `resources` alone.
    `proven`: somebody vouches that it is who it says, so that a person's consent may be remembered.
    `answers_at`: the resource that it serves, whose tokens it may exchange; `delegation`: for what, by scope of theirs.
    `backchannel`: what it may ask people for, without a browser.
    """

    client_id: str
    client_name: str = ""
    auth_method: AuthMethod = "client_secret_basic"
    grant_types: tuple[str, ...] = (CLIENT_CREDENTIALS,)
    resources: Mapping[str, tuple[str, ...]]
    any_resource: bool = False
    default_resource: str | None = None
    redirect_uris: tuple[str, ...] = ()
    client_uri: str = ""
    proven: bool = False
    secret_name: str | None = None
    secret_hashes: tuple[str, ...] = ()
    retired_hashes: tuple[str, ...] = ()
    jwks: tuple[Jwk, ...] = ()
    workload: Workload | None = None
    answers_at: str | None = None
    delegation: Mapping[str, Reach] = field(default_factory=dict[str, Reach])
    backchannel: Reach = field(default_factory=dict[str, tuple[str, ...]])
    created: int = 0
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What was changed at run time about a client of identity.yaml: the file itself is not ours to write."""

    secret_hashes: tuple[str, ...] = ()
    retired_hashes: tuple[str, ...] = ()
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class TrustedIssuer:
    """Someone else's issuer whose tokens may stand for clients here, RFC 7523 §2.2, or let people in by ID-JAG.

    `id_jag`: the most that its identity assertions give; with nothing, none of them counts.
    """

    issuer: str
    jwks_uri: str | None = None
    jwks: tuple[Jwk, ...] = ()
    ca_file: str | None = None
    token_file: str | None = None
    algorithms: tuple[str, ...] = ()
    max_lifetime: int = 3600
    replay: Literal["refuse", "allow"] = "refuse"
    id_jag: Reach = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, kw_only=True)
class DocumentPolicy:
    """Whose metadata documents count: hosts, `*.example.com` for all below one, `*` for all. CIMD §6.8."""

    accept: tuple[str, ...] = ("*",)
    refuse: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """All of identity.yaml, checked: what exists, who may reach it, whom we trust."""

    resources: Mapping[str, Resource]
    clients: Mapping[str, Client]
    trusted_issuers: Mapping[str, TrustedIssuer] = field(default_factory=dict[str, TrustedIssuer])
    implies: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    default_resource: str | None = None
    delegation_depth: int = 4
    documents: DocumentPolicy = DocumentPolicy()
    users: Mapping[str, DeclaredUser] = field(default_factory=dict[str, DeclaredUser])
    upstream: Upstream | None = None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a proof entitles a client to: one audience, some scopes; for a person, by which permission of theirs.

    An exchanged one has the chain of its actors (`act`), the `jti` of the token it came of (`parent`), and ends no
    later than that (`expires`). `issued_type` is RFC 8693's name of what is issued.
    """

    client_id: str
    subject: str
    resource: Resource
    scopes: tuple[str, ...]
    permission: str = ""
    act: Claims | None = None
    parent: str = ""
    expires: int | None = None
    issued_type: str = ""
    refresh_token: str | None = field(default=None, repr=False)
    signed_in: SignedIn | None = None


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An initial access token, as remembered: how often it may be used, and for what. RFC 7591 §3.

    `people`: for a client that people use, which reaches what they allow; else for a machine.
    """

    resources: Mapping[str, tuple[str, ...]]
    uses: int
    expires: int
    people: bool = False


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """A signing key at rest. `active_from` is None while nobody has scheduled it; `sealed` is the encrypted key."""

    kid: str
    alg: SigningAlg
    published: int
    active_from: int | None
    sealed: str


@dataclass(frozen=True, kw_only=True)
class Ring:
    """All signing keys at rest."""

    keys: tuple[KeyRecord, ...]


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A client that registered itself for people. `software` is the hash of what it said, empty once it was changed.

    `tokens` are hashes of registration access tokens, newest first; a `shared` row belongs to nobody alone.
    """

    client: Client
    application_type: str
    software: str
    tokens: tuple[str, ...]
    shared: bool = False
    used: bool = False
    expires: int
