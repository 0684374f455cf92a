"""GET /.well-known/oauth-authorization-server and /.well-known/openid-configuration. RFC 8414 §3."""

from collections.abc import Callable, Mapping

from auth_server.endpoints.wire import Answer, Endpoint, Request, json_answer
from auth_server.models import Identity
from auth_server.rules.rfc8414_metadata import Value

_HEADERS = ((b"cache-control", b"public, max-age=60"),)
Document = Callable[[str, Identity], Mapping[str, Value]]


def metadata_endpoint(document: Document, issuer: str, identity: Callable[[], Identity]) -> Endpoint:
    """The endpoint for one of the two documents; every URL in it comes from the settings, none from the request."""

    async def metadata(_request: Request) -> Answer:
        return json_answer(document(issuer, identity()), headers=_HEADERS)

    return metadata
