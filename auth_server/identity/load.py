"""identity.yaml, read, checked and turned into what the rules work with."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from auth_server.identity.checks import findings
from auth_server.identity.lines import Document, IdentityError, Place, Problem, read
from auth_server.identity.shape import (
    ClientShape,
    IdentityShape,
    JwkSet,
    ResourceShape,
    TrustedIssuerShape,
    UpstreamShape,
    UserShape,
)
from auth_server.models import Client, DocumentPolicy, Identity, Jwk, Resource, TrustedIssuer, Workload
from auth_server.people import DeclaredUser, Upstream


def load_identity(path: Path) -> Identity:
    """The identity in a file. Raises IdentityError, with a line for each problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise IdentityError(str(path), [Problem(line=1, field="(file)", message=f"cannot be read: {error}")]) from None
    return parse_identity(str(path), text)


def parse_identity(name: str, text: str) -> Identity:
    """The identity in a text. Raises IdentityError, with a line for each problem."""
    document = read(name, text)
    shape = _shaped(document)
    if found := findings(shape):
        raise IdentityError(name, [document.problem(place, message) for place, message in found])
    return _identity(shape)


def _shaped(document: Document) -> IdentityShape:
    try:
        return IdentityShape.model_validate(document.content)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        problems = [document.problem(_place(part["loc"]), _said(part["type"], part["msg"])) for part in wrong]
        raise IdentityError(document.name, problems) from None


def _place(loc: Place) -> Place:
    """Pydantic marks a mapping's key that is wrong with '[key]': the place is the key's own."""
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _said(kind: str, message: str) -> str:
    return {"extra_forbidden": "is not a field that is known here", "missing": "is required"}.get(kind, message)


def _identity(shape: IdentityShape) -> Identity:
    return Identity(
        resources={resource.uri: _resource(resource) for resource in shape.resources},
        clients={client.client_id: _client(client) for client in shape.clients},
        trusted_issuers={issuer.issuer: _trusted(issuer) for issuer in shape.trusted_issuers},
        implies=_closed({name: frozenset(scope.implies) for name, scope in shape.scopes.items()}),
        default_resource=shape.default_resource,
        delegation_depth=shape.delegation_depth,
        documents=DocumentPolicy(
            accept=tuple(shape.client_documents.accept), refuse=tuple(shape.client_documents.refuse)
        ),
        users={user.name: _user(user) for user in shape.users},
        upstream=_upstream(shape.upstream) if shape.upstream else None,
    )


def _resource(shape: ResourceShape) -> Resource:
    return Resource(
        name=shape.name,
        uri=shape.uri,
        scopes=dict(shape.scopes),
        default_scopes=tuple(shape.default_scopes),
        token_lifetime=shape.token_lifetime,
        signing_alg=shape.signing_alg,
        introspection=frozenset(shape.introspection),
    )


def _client(shape: ClientShape) -> Client:
    workload = shape.workload
    return Client(
        client_id=shape.client_id,
        client_name=shape.client_name,
        auth_method=shape.token_endpoint_auth_method,
        grant_types=tuple(shape.grant_types),
        resources={uri: tuple(scopes) for uri, scopes in (shape.resources or {}).items()},
        any_resource=shape.resources is None,
        default_resource=shape.default_resource,
        redirect_uris=tuple(shape.redirect_uris),
        client_uri=shape.client_uri or "",
        proven=shape.token_endpoint_auth_method != "none",
        secret_name=shape.secret,
        jwks=_keys(shape.jwks),
        workload=Workload(**workload.model_dump()) if workload else None,
        answers_at=shape.answers_at,
        delegation={held: {uri: tuple(to) for uri, to in onward.items()} for held, onward in shape.delegation.items()},
        backchannel={uri: tuple(scopes) for uri, scopes in shape.backchannel.items()},
    )


def _user(shape: UserShape) -> DeclaredUser:
    return DeclaredUser(name=shape.name, subject=shape.subject, secret_name=shape.secret)


def _upstream(shape: UpstreamShape) -> Upstream:
    return Upstream(
        issuer=shape.issuer,
        label=shape.label,
        client_id=shape.client_id,
        secret_name=shape.secret,
        secret_in_body=shape.token_endpoint_auth_method == "client_secret_post",
        scopes=tuple(dict.fromkeys(("openid", *shape.scopes))),
        name_claim=shape.name_claim,
        ca_file=shape.ca_file,
        everyone=shape.let_in.everyone,
        subjects=frozenset(shape.let_in.subjects),
        domains=frozenset(shape.let_in.domains),
        refused=frozenset(shape.let_in.refuse),
    )


def _trusted(shape: TrustedIssuerShape) -> TrustedIssuer:
    return TrustedIssuer(
        issuer=shape.issuer,
        jwks_uri=shape.jwks_uri,
        jwks=_keys(shape.jwks),
        ca_file=shape.ca_file,
        token_file=shape.token_file,
        algorithms=tuple(shape.algorithms),
        max_lifetime=shape.max_lifetime,
        replay=shape.replay,
        id_jag={uri: tuple(scopes) for uri, scopes in shape.id_jag.items()},
    )


def _keys(jwks: JwkSet | None) -> tuple[Jwk, ...]:
    return tuple(jwks["keys"]) if jwks else ()


def _closed(implies: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    """What each scope carries, through any number of steps."""
    closed = dict(implies)
    for _ in implies:
        closed = {
            name: carried.union(*(closed.get(inner, frozenset()) for inner in carried))
            for name, carried in closed.items()
        }
    return closed
