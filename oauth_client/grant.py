"""One token request: client credentials in, a checked token answer out."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import TypeAlias, TypeVar

from oauth_client.credentials import Credentials
from oauth_client.errors import BadTokenAnswer, TokenRefused
from oauth_client.models import Document, Proof, ServerMetadata, Target, TokenAnswer
from oauth_client.rules.rfc6749_token import read_answer, read_refusal, token_form
from oauth_client.wire import Wire

_OK = 200
_CONFIDENTIAL = ("code", "code_verifier", "refresh_token", "subject_token", "assertion", "auth_req_id")
T = TypeVar("T")
Read: TypeAlias = Callable[[Document, Collection[str], str], T]


async def request_token(wire: Wire, target: Target, credentials: Credentials, scopes: Collection[str]) -> TokenAnswer:
    """Ask the target's server for a token for its resource. RFC 6749 §4.4; RFC 8707 §2.2.

    A client that is refused looks once for a newer secret, so that rotation loses no request.
    Raises TokenRefused, BadTokenAnswer, Unreachable, AddressRefused, MethodNotOffered, CredentialsUnusable.
    """
    return await redeem(wire, target.server, credentials, token_form(target.metadata.resource, scopes), scopes)


async def redeem(
    wire: Wire,
    server: ServerMetadata,
    credentials: Credentials,
    form: Mapping[str, str],
    scopes: Collection[str],
    *,
    read: Read[TokenAnswer] = read_answer,
) -> TokenAnswer:
    """Any grant at the token endpoint of the server it belongs to, with the client's proof. RFC 6749 §3.2.

    `scopes` are those that the answer means when it names none; `read` accepts the answer.
    Raises as `request_token` does.
    """
    ask: Callable[[Proof], Awaitable[TokenAnswer]] = partial(
        post_proved, wire, server.token_endpoint, form, scopes, read
    )
    return await proved(server, credentials, ask)


async def proved(server: ServerMetadata, credentials: Credentials, ask: Callable[[Proof], Awaitable[T]]) -> T:
    """Any request that the client proves itself for; a secret that was rotated a moment ago loses none."""
    proof = await credentials.prove(server)
    try:
        return await ask(proof)
    except TokenRefused as refused:
        if refused.error != "invalid_client" or not await credentials.renew(proof):
            raise
    return await ask(await credentials.prove(server))


async def post_proved(
    wire: Wire,
    endpoint: str,
    form: Mapping[str, str],
    scopes: Collection[str],
    read: Read[T],
    proof: Proof,
) -> T:
    """One form with the client's proof; what it is answered, read."""
    confidential = [form[name] for name in _CONFIDENTIAL if name in form]
    answer = await wire.post(endpoint, {**form, **proof.form}, proof.headers)
    if answer.document is None:
        raise BadTokenAnswer(endpoint, answer.why)
    if answer.status != _OK:
        raise read_refusal(
            answer.document, status=answer.status, endpoint=endpoint, sensitive=(*proof.sensitive, *confidential)
        )
    return read(answer.document, scopes, endpoint)
