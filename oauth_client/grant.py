"""One token request: client credentials in, a checked token answer out."""

from collections.abc import Collection

from oauth_client.credentials import Credentials
from oauth_client.errors import BadTokenAnswer, TokenRefused
from oauth_client.models import Proof, Target, TokenAnswer
from oauth_client.rules.rfc6749_token import read_answer, read_refusal, token_form
from oauth_client.wire import Wire

_OK = 200


async def request_token(wire: Wire, target: Target, credentials: Credentials, scopes: Collection[str]) -> TokenAnswer:
    """Ask the target's server for a token for its resource. RFC 6749 §4.4; RFC 8707 §2.2.

    A client that is refused looks once for a newer secret, so that rotation loses no request.
    Raises TokenRefused, BadTokenAnswer, Unreachable, AddressRefused, MethodNotOffered, CredentialsUnusable.
    """
    proof = await credentials.prove(target.server)
    try:
        return await _ask(wire, target, proof, scopes)
    except TokenRefused as refused:
        if refused.error != "invalid_client" or not await credentials.renew(proof):
            raise
    return await _ask(wire, target, await credentials.prove(target.server), scopes)


async def _ask(wire: Wire, target: Target, proof: Proof, scopes: Collection[str]) -> TokenAnswer:
    endpoint = target.server.token_endpoint
    form = token_form(target.metadata.resource, scopes) | proof.form
    answer = await wire.post(endpoint, form, proof.headers)
    if answer.document is None:
        raise BadTokenAnswer(endpoint, answer.why)
    if answer.status != _OK:
        raise read_refusal(answer.document, status=answer.status, endpoint=endpoint, sensitive=proof.sensitive)
    return read_answer(answer.document, scopes, endpoint)
