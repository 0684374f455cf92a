"""GET /jwks.json. RFC 7517 §5."""

from auth_server.endpoints.wire import Answer, Endpoint, Request
from auth_server.keys import Keys

# A minute: far less than a key is published before it signs.
_HEADERS = ((b"content-type", b"application/jwk-set+json"), (b"cache-control", b"public, max-age=60"))


def jwks_endpoint(keys: Keys) -> Endpoint:
    """The endpoint."""

    async def jwks(_request: Request) -> Answer:
        return Answer(headers=_HEADERS, body=keys.jwks())

    return jwks
