"""What is known about people: frozen values, no behaviour. Times are seconds since 1970."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class DeclaredUser:
    """A person of identity.yaml, for development; the password stands in the secret store."""

    name: str
    subject: str
    secret_name: str


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who may sign in. `subject` is what tokens say: opaque, without a colon, for ever the same."""

    name: str
    subject: str
    password_hash: str = field(repr=False)
    created: int = 0
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """An OpenID provider that people may sign in through, and whom of its people we let in.

    `everyone`, or those that `subjects` and `domains` (of verified addresses) name; `refused` subjects in no case.
    """

    issuer: str
    label: str
    client_id: str
    secret_name: str | None = None
    secret_in_body: bool = False
    scopes: tuple[str, ...] = ("openid",)
    name_claim: str = "preferred_username"
    ca_file: str | None = None
    everyone: bool = False
    subjects: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A person whom an upstream provider vouches for: who they are there, and what tokens from here call them."""

    subject: str
    issuer: str
    upstream_subject: str
    name: str
    domain: str = ""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A browser on its way to the upstream provider and back, and `then` where. `browser` is a hash of its cookie."""

    id: str
    browser: str
    issuer: str
    interaction: str = ""
    then: str = ""
    created: int
    done: bool = False


@dataclass(frozen=True, kw_only=True)
class Trip:
    """What ties an answer to one browser's question: made of its cookie, kept nowhere."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the client's own request wants of a sign-in. OpenID Connect Core §3.1.2.1."""

    prompt: str = ""
    max_age: int | None = None
    login_hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A person who is signed in, in one browser. `signed_for` is the interaction that this sign-in was for."""

    reference: str
    subject: str
    name: str
    auth_time: int
    expires: int
    signed_for: str = ""
    agent: str = ""


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """What a client that asked for openid is told about the sign-in."""

    subject: str
    auth_time: int
    nonce: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """An authorization request that waits for a person, on any replica; a `pushed` one, for the client to send them."""

    id: str
    client_id: str
    redirect_uri: str
    state: str | None = field(default=None, repr=False)
    code_challenge: str = field(repr=False)
    resource: str
    scopes: tuple[str, ...]
    nonce: str | None = field(default=None, repr=False)
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str = ""
    created: int = 0
    pushed: bool = False
    decided: bool = False


@dataclass(frozen=True, kw_only=True)
class Code:
    """An authorization code, by hash. `spent` names the one attempt that redeemed it."""

    code_hash: str
    redirect_uri: str
    challenge: str = field(repr=False)
    expires: int
    nonce: str | None = field(default=None, repr=False)
    spent: str = ""


@dataclass(frozen=True, kw_only=True)
class Family:
    """The refresh tokens of one permission: hashes of the one that counts and of the one before it.

    `key` (hex) makes each token from the one before, and recognises retired ones; it makes no token from nothing.
    """

    key: str = field(repr=False)
    current: str
    previous: str = ""
    rotated: int


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What a person allowed a client at one resource: the code, the refresh tokens and the access tokens of it.

    `asked` is what the client wanted, `scopes` what it got; `reach` is the most that agents may do elsewhere in the
    person's name by them, as the person was told, by resource. Without a browser there is no code; `used`: last token.
    """

    id: str
    subject: str
    name: str
    client_id: str
    resource: str
    scopes: tuple[str, ...]
    asked: tuple[str, ...]
    created: int
    expires: int
    auth_time: int
    code: Code | None = None
    used: int = 0
    family: Family | None = None
    reach: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    revoked: bool = False


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A permission as the person's list has it. `remembered`: not to be asked again; `asked`: without a browser."""

    id: str
    client_id: str
    client_name: str
    resource: str
    scopes: tuple[str, ...]
    created: int
    expires: int
    remembered: bool = False
    asked: Literal["", "once", "hour"] = ""
    reach: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
