"""RFC 6749 — client authentication: how does this client prove itself to this server?"""

from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote_plus

from oauth_client.errors import MethodNotOffered
from oauth_client.models import ServerMetadata

BASIC = "client_secret_basic"
POST = "client_secret_post"


def choose_method(server: ServerMetadata, able: Sequence[str]) -> str:
    """The first method of ours that the server lists. RFC 8414 §2.

    A server that lists none takes client_secret_basic; a client that cannot do that tries its own first.
    """
    offered = server.auth_methods or ((BASIC,) if BASIC in able else tuple(able))
    for method in able:
        if method in offered:
            return method
    raise MethodNotOffered(f"{server.issuer} takes {', '.join(offered)}; this client can do {', '.join(able)}")


def basic_header(client_id: str, secret: str) -> str:
    """The Authorization header of client_secret_basic: form-encoded first, then base64. §2.3.1."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode('ascii')).decode('ascii')}"
