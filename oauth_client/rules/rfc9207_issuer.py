"""RFC 9207 — the iss parameter: did this authorization response come from where the request was sent?"""

from collections.abc import Mapping

from oauth_client.errors import ResponseRejected, shown
from oauth_client.models import ServerMetadata


def check_response(response: Mapping[str, str], server: ServerMetadata) -> None:
    """Before anything else in it counts, errors included: the same string, and there if it was promised. §2.4.

    Compared as it is, with no normalisation. RFC 3986 §6.2.1.
    """
    told = response.get("iss")
    if told is None and server.promises_iss:
        raise ResponseRejected(f"the answer does not say that it comes from {server.issuer}, which always says so")
    if told is not None and told != server.issuer:
        raise ResponseRejected(
            f"the answer says it comes from {shown(told)}, but the request went to {shown(server.issuer)}: "
            "somebody may be mixing up authorization servers; nothing was sent to either"
        )
