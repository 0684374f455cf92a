"""identity.yaml while the server runs: a good change counts within seconds, a bad one is logged and not taken."""

from pathlib import Path
from typing import TypeAlias

import structlog

from auth_server.identity.lines import IdentityError
from auth_server.identity.load import load_identity
from auth_server.models import Identity

_Stamp: TypeAlias = tuple[int, int, int]
_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server.identity")


class LiveIdentity:
    """The identity as it counts now."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises IdentityError: a server does not start on a bad one."""
        self._path = path
        self._stamp = _stamp(path)
        self.current: Identity = load_identity(path)

    def refresh(self) -> None:
        """Read the file again if it has changed; keep the last good one when it is bad."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.current = load_identity(self._path)
        except IdentityError as error:
            _LOG.error("identity refused, the last good one stays", problems=str(error).splitlines())
        else:
            _LOG.info("identity reloaded", file=str(self._path), clients=len(self.current.clients))


def _stamp(path: Path) -> _Stamp | None:
    """Inode too: Kubernetes swaps a ConfigMap by a symbolic link, editors by a rename."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
