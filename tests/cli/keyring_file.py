"""A keyring of the system as far as `keyring` can tell: a backend of its own, over one file that processes share."""

import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from keyring.backend import KeyringBackend
from keyring.backends import null
from keyring.compat import properties
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError


class Keyring(KeyringBackend):
    """`file` and `locked` can be set by KEYRING_PROPERTY_FILE and KEYRING_PROPERTY_LOCKED, as of any backend."""

    file = ""
    locked = ""

    @properties.classproperty
    def priority(cls) -> float:  # noqa: N805  that is what it is handed
        """A real one."""
        return 5

    def get_password(self, service: str, username: str) -> str | None:
        """What is kept there."""
        with self._kept() as kept:
            return kept.get(f"{service} | {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it, unless it is too much."""
        if len(password) > 100_000:
            raise PasswordSetError("too long")
        self.put(service, username, password)

    def put(self, service: str, username: str, text: str) -> None:
        """As another program would."""
        with self._kept() as kept:
            kept[f"{service} | {username}"] = text

    def text(self) -> str:
        """All that is in the file."""
        return Path(self.file).read_text(encoding="utf-8")

    def delete_password(self, service: str, username: str) -> None:
        """Remove it; what is not there, or is fixed, cannot be."""
        with self._kept() as kept:
            if self.locked == "fixed" or kept.pop(f"{service} | {username}", None) is None:
                raise PasswordDeleteError("not deleted")

    @contextmanager
    def _kept(self) -> Generator[dict[str, str]]:
        if self.locked == "locked":
            raise KeyringLocked("the person did not unlock it")
        with Path(self.file).open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            kept = cast("dict[str, str]", json.loads(file.read() or "{}"))
            yield kept
            file.truncate(0)
            file.write(json.dumps(kept))


class Weak(null.Keyring):
    """A backend that keeps plain text says of itself that it is no real one."""

    @properties.classproperty
    def priority(cls) -> float:  # noqa: N805  that is what it is handed
        """Below what `keyring` recommends."""
        return 0.5
