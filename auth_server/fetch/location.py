"""A URL that a stranger sent, taken apart in one way only: what is fetched is what was checked."""

import re
from dataclasses import dataclass

from auth_server.rules.rfc8414_metadata import is_loopback

_PORTS = 65536
_LONGEST = 512
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9.])?|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?)"
)


class FetchRefused(Exception):
    """Nothing was fetched, or nothing that may be used. The message is for the log: it could tell of our network."""


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where to connect (`host` without brackets), and what to ask for there."""

    scheme: str
    authority: str
    host: str
    port: int
    target: str

    @property
    def loopback(self) -> bool:
        """Whether the name can only be this machine."""
        return is_loopback(self.host)


def locate(url: str, *, loopback: bool) -> Location:
    """Take a URL apart. Raises FetchRefused unless it is https, or http on loopback where `loopback` allows that.

    Upper case, user names, fragments, spaces, backslashes and non-ASCII are what parsers disagree about: refused.
    """
    found = _URL.fullmatch(url) if len(url) <= _LONGEST else None
    if found is None:
        raise FetchRefused("not a URL in the one form that is fetched")
    scheme, host = found["scheme"], found["host"].strip("[]")
    port = int(found["port"] or (443 if scheme == "https" else 80))
    if port >= _PORTS:
        raise FetchRefused("no such port")
    authority = found["host"] + (f":{found['port']}" if found["port"] else "")
    location = Location(scheme=scheme, authority=authority, host=host, port=port, target=found["target"])
    if scheme != "https" and not (loopback and location.loopback):
        raise FetchRefused("not https")
    return location
