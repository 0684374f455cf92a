"""RFC 9207 — The `iss` parameter of an authorization response, so that no client sends a code to the wrong server."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from auth_server.errors import OAuthError


def response(redirect_uri: str, parameters: Mapping[str, str], *, state: str | None, issuer: str) -> str:
    """Where the person is sent with an answer: `state` as it came, and `iss`, always. §2, RFC 6749 §4.1.2."""
    answer = {**parameters, **({} if state is None else {"state": state}), "iss": issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(answer, quote_via=quote)}"


def error_response(redirect_uri: str, error: OAuthError, *, state: str | None, issuer: str) -> str:
    """The same with a refusal: `iss` belongs on errors too. §2.1, RFC 6749 §4.1.2.1."""
    told = {"error": error.error, "error_description": error.description}
    return response(redirect_uri, told, state=state, issuer=issuer)
