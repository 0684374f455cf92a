"""RFC 7592 — What does a client say to change its registration?"""

from auth_server.errors import InvalidClientMetadata
from auth_server.rules.rfc7591_application import Application, check_application
from auth_server.rules.rfc7591_registration import Metadata

_OURS = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")


def check_update(metadata: Metadata, client_id: str) -> Application:
    """Accept all of a client's metadata anew: what is left out is taken away. §2.2.

    Raises InvalidClientMetadata, InvalidRedirectUri.
    """
    if metadata.get("client_id") != client_id:
        raise InvalidClientMetadata("client_id must be there, and the one of this registration")
    if said := [name for name in (*_OURS, "client_secret") if name in metadata]:
        raise InvalidClientMetadata(f"{said[0]} is not the client's to say")
    return check_application(metadata)
