"""The shape of identity.yaml, field by field; `docs/identity.schema.json` is made from it."""

import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from auth_server.models import CLIENT_CREDENTIALS, AuthMethod, SigningAlg

ScopeName: TypeAlias = Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]
ClientId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,128}$")]
SecretName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Uri: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://[^#\s]+$")]
Host: TypeAlias = Annotated[str, Field(pattern=r"^(\*|(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$")]
Domain: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
DaprApp: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}\.[a-z0-9-]{1,63}$")]
HttpUrl: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^#\s]+$")]
GrantType: TypeAlias = Literal[
    "client_credentials",
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
]
JwkSet: TypeAlias = dict[Literal["keys"], Annotated[list[dict[str, Any]], Field(min_length=1)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ScopeShape(_Strict):
    """A scope that carries others with it."""

    implies: list[ScopeName] = Field(default=[], description="Scopes that come with this one, wherever both exist.")


class ResourceShape(_Strict):
    """A protected resource."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="A short name, for people.")
    uri: Uri = Field(description="Its canonical URI, the audience of its tokens, compared byte for byte.")
    scopes: dict[ScopeName, str] = Field(min_length=1, description="What a token may allow here, and in words.")
    default_scopes: list[ScopeName] = Field(default=[], description="Granted to a client that names no scope.")
    token_lifetime: int = Field(default=300, ge=5, le=3600, description="Of its access tokens, in seconds.")
    signing_alg: SigningAlg = Field(default="ES256", description="How its access tokens are signed.")
    introspection: list[ClientId] = Field(default=[], description="Clients that may introspect its tokens.")


class WorkloadShape(_Strict):
    """The token of a trusted issuer that stands for a client."""

    issuer: str = Field(min_length=1, description="One of trusted_issuers.")
    subject: str = Field(min_length=1, description="`sub`, exactly: system:serviceaccount:NAMESPACE:NAME.")
    brought_by: DaprApp | None = Field(
        default=None, description="The Dapr app whose sidecar must bring the token: APP-ID.NAMESPACE."
    )


class ClientShape(_Strict):
    """A client that is known beforehand."""

    client_id: ClientId = Field(description="What it calls itself.")
    client_name: str = Field(default="", max_length=200, description="What people call it.")
    token_endpoint_auth_method: AuthMethod = Field(description="How it proves itself.")
    grant_types: list[GrantType] = Field(default=[CLIENT_CREDENTIALS], min_length=1, description="What it may use.")
    redirect_uris: list[str] = Field(default=[], description="Where people are sent back to, for authorization_code.")
    application_type: Literal["web", "native"] = Field(
        default="web", description="A native one may be sent back to a loopback address of the person's machine."
    )
    client_uri: HttpUrl | None = Field(default=None, description="Its home page, shown where people decide.")
    secret: SecretName | None = Field(default=None, description="The name of its secret in the secret store.")
    jwks: JwkSet | None = Field(default=None, description="Its public keys, for private_key_jwt.")
    workload: WorkloadShape | None = Field(default=None, description="Its workload identity, for private_key_jwt.")
    resources: dict[Uri, list[ScopeName]] | None = Field(
        default=None, description="What it may reach, with which scopes; without it, whatever a person allows."
    )
    default_resource: Uri | None = Field(default=None, description="The audience when it names none.")
    answers_at: Uri | None = Field(default=None, description="The resource that it serves, if it is an agent.")
    delegation: dict[ScopeName, dict[Uri, list[ScopeName]]] = Field(
        default={},
        description="By each scope of a caller's token: what it may ask for elsewhere in the caller's name.",
    )
    backchannel: dict[Uri, list[ScopeName]] = Field(
        default={}, description="What it may ask people for, who decide on a page; without it, nothing."
    )


class UserShape(_Strict):
    """A person, for development; `daca user add` makes one without this file."""

    name: str = Field(pattern=r"^\S(.{0,254}\S)?$", description="What they type to sign in.")
    subject: str = Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$", description="What tokens call them: opaque, lasting.")
    secret: SecretName = Field(description="The secret that holds their `password_hash` (argon2id) or `password`.")


class LetInShape(_Strict):
    """Whom of the provider's people we let in."""

    everyone: bool = Field(default=False, description="All whom the provider signs in.")
    subjects: list[str] = Field(default=[], description="Their `sub` there, exactly.")
    domains: list[Domain] = Field(default=[], description="Of their addresses, where the provider verified them.")
    refuse: list[str] = Field(default=[], description="A `sub` that does not come in, whatever is allowed.")


class UpstreamShape(_Strict):
    """An OpenID provider that people may sign in through."""

    issuer: HttpUrl = Field(description="Its issuer, exactly; https, or http on loopback.")
    label: str = Field(min_length=1, max_length=60, description="What the button calls it: Sign in with …")
    client_id: str = Field(
        min_length=1, description="What we are called there; we are sent back to /callback/upstream."
    )
    secret: SecretName | None = Field(default=None, description="The name of our secret there; without it, PKCE alone.")
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] = Field(
        default="client_secret_basic", description="How we send the secret."
    )
    scopes: list[ScopeName] = Field(default=["openid", "profile", "email"], description="What we ask for.")
    name_claim: str = Field(default="preferred_username", min_length=1, description="What people are called here.")
    ca_file: str | None = Field(default=None, description="Certificates that it is trusted by, PEM.")
    let_in: LetInShape = Field(description="Whom of its people we let in; nobody without being said.")


class ClientDocumentsShape(_Strict):
    """Whose client ID metadata documents count."""

    accept: list[Host] = Field(default=["*"], description="Hosts; *.example.com for all below one, * for all.")
    refuse: list[Host] = Field(default=[], description="Hosts that count for nothing, whatever is accepted.")


class TrustedIssuerShape(_Strict):
    """An issuer whose tokens may stand for clients."""

    issuer: str = Field(min_length=1, description="Its `iss`, exactly.")
    jwks_uri: HttpUrl | None = Field(default=None, description="Where its keys are; https, or http on loopback.")
    jwks: JwkSet | None = Field(default=None, description="Its keys themselves.")
    ca_file: str | None = Field(default=None, description="Certificates that jwks_uri is trusted by, PEM.")
    token_file: str | None = Field(default=None, description="A bearer token for jwks_uri, read at each fetch.")
    algorithms: list[
        Literal["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"]
    ] = Field(default=["RS256", "ES256"], min_length=1, description="How its tokens may be signed.")
    max_lifetime: int = Field(default=3600, ge=60, le=86400, description="How far away `exp` may be, in seconds.")
    replay: Literal["refuse", "allow"] = Field(default="refuse", description="Whether one token may be used again.")
    id_jag: dict[Uri, list[ScopeName]] = Field(
        default={}, description="The most that its ID-JAGs give; without it, none of them counts."
    )


class IdentityShape(_Strict):
    """Who may get a token, and for what. Holds names of secrets, never a secret."""

    model_config = ConfigDict(title="identity.yaml")

    version: Literal[1] = Field(description="Of this format.")
    scopes: dict[ScopeName, ScopeShape] = Field(default={}, description="Scopes that carry others.")
    resources: list[ResourceShape] = Field(description="Whatever accepts tokens from here.")
    clients: list[ClientShape] = Field(default=[], description="Who may ask for tokens.")
    client_documents: ClientDocumentsShape = Field(
        default=ClientDocumentsShape(), description="Whose metadata documents count, for client ids that are URLs."
    )
    users: list[UserShape] = Field(default=[], description="Who may sign in, for development.")
    upstream: UpstreamShape | None = Field(default=None, description="Where else people may sign in.")
    trusted_issuers: list[TrustedIssuerShape] = Field(default=[], description="Whose tokens may stand for clients.")
    default_resource: Uri | None = Field(default=None, description="The audience when nobody names one.")
    delegation_depth: int = Field(default=4, ge=1, le=8, description="The most agents one after another in a chain.")


def schema() -> str:
    """The JSON Schema of the file, as it is published."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **IdentityShape.model_json_schema()}
    return json.dumps(found, indent=2) + "\n"
