"""Which TCP ports may be used on this machine."""

import errno
import secrets
import socket
from collections.abc import Iterable, Mapping

from cli.errors import Failure

_OWN_RANGE = range(20000, 32000)
"""Below the ports that Linux and macOS hand to outgoing connections, which could take one while a sidecar restarts."""


def check_free(wanted: Mapping[str, int], host: str) -> None:
    """Every app's port is free. Raises Failure that names the first port that is not, and the app that wants it."""
    for app, port in wanted.items():
        if not is_free(port, host):
            raise Failure(
                f"port {port}, which {app} needs, is in use: end what listens there (lsof -i :{port}), "
                f"or give {app} another URL (docs/cli.md#ports)"
            )
    doubled = {port for port in wanted.values() if list(wanted.values()).count(port) > 1}
    for port in sorted(doubled):
        apps = " and ".join(app for app, own in wanted.items() if own == port)
        raise Failure(f"port {port} is wanted by {apps}: give each its own URL (docs/cli.md#ports)")


def is_free(port: int, host: str) -> bool:
    """Nobody listens on the port, on `host` or on the loopback that `localhost` may also mean."""
    return all(_can_bind(port, address) for address in dict.fromkeys((host, "127.0.0.1", "::1")))


def pick(count: int, *, taken: Iterable[int] = ()) -> list[int]:
    """Free ports for sidecars. Raises Failure when there are not that many.

    One after the other from anywhere: of two systems that start at the same moment, before either listens, hardly any
    two would wait for the same port, as some of many ports picked one by one would be.
    """
    used = set(taken)
    found: list[int] = []
    begin = secrets.randbelow(len(_OWN_RANGE))
    for port in (*_OWN_RANGE[begin:], *_OWN_RANGE[:begin]):
        if len(found) == count:
            return found
        if port not in used and is_free(port, "127.0.0.1"):
            found.append(port)
    raise Failure(f"no {count} free ports between {_OWN_RANGE.start} and {_OWN_RANGE.stop}")


def _can_bind(port: int, address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        # A machine without IPv6 has nobody listening there either; a name is for the app itself to resolve.
        return error.errno not in {errno.EADDRINUSE, errno.EACCES}
    return True
