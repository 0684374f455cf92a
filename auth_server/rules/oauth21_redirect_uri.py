"""OAuth 2.1 §2.3.1 and §8.4.2 — Redirect URIs: exact match; only a loopback URI's port may differ."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from auth_server.errors import InvalidRedirectUri, InvalidRequest

_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?].*)?)"
)
_LONGEST = 2000
_PORTS = 65536


def check_registered(uri: str, *, native: bool) -> str:
    """Accept a redirect URI for registration: https, or http on loopback for a native client. §2.3.1, §8.4.2.

    Raises InvalidRedirectUri. A loopback address belongs to the person's machine, so a web client has none.
    """
    if len(uri) > _LONGEST or not uri.isascii() or not uri.isprintable() or not set(uri).isdisjoint(' "<>\\^`{|}#'):
        raise InvalidRedirectUri("a redirect URI is a complete URI in ASCII without a fragment")
    if is_loopback(uri):
        if not native:
            raise InvalidRedirectUri("a loopback redirect URI is for application_type native")
        return uri
    try:
        parts = urlsplit(uri)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or "@" in urlsplit(uri).netloc or "*" in urlsplit(uri).netloc or not uri.startswith("https://"):
        raise InvalidRedirectUri("a redirect URI is https, or http on 127.0.0.1, [::1] or localhost")
    return uri


def is_loopback(uri: str) -> bool:
    """Whether a redirect URI leads to a program on the person's own machine. §8.4.2."""
    return _loopback(uri) is not None


def match(requested: str | None, registered: Sequence[str]) -> str:
    """The redirect URI of a request, proved by one that is registered. Raises InvalidRequest. §4.1.1, §2.3.1.

    It may be left out only where there is one to choose from; then a loopback one needs its port, and has none.
    """
    if requested is None:
        if len(registered) != 1:
            raise InvalidRequest("redirect_uri is required")
        return registered[0]
    if requested in registered:
        return requested
    asked = _loopback(requested)
    if asked is not None and asked in map(_loopback, registered):
        return requested
    raise InvalidRequest("redirect_uri is not registered for this client")


def _loopback(uri: str) -> tuple[str, str] | None:
    """A loopback URI without its port: host and the rest, both compared as they are."""
    found = _LOOPBACK.fullmatch(uri)
    if found is None or "#" in uri or not uri.isprintable() or int(found["port"] or 0) >= _PORTS:
        return None
    return found["host"], found["rest"]
