"""Where a person's tokens and registrations outlive the process: any store of named records, and one of files."""

import asyncio
import fcntl
import json
import os
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Protocol, cast

from oauth_client.errors import CredentialsUnusable

_PAUSE = 0.02


class Vault(Protocol):
    """Named records, confidential to one user of one machine. Raises CredentialsUnusable when it cannot be used."""

    async def read(self, name: str) -> Mapping[str, object] | None:
        """One record, or None."""
        ...

    async def write(self, name: str, value: Mapping[str, object]) -> None:
        """Put a record in place of what was there."""
        ...

    async def forget(self, name: str) -> None:
        """Remove a record, if there."""
        ...

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Be the only one, of all processes, who works at this record."""
        ...


class FileVault:
    """A folder of mode 0700 with one file of mode 0600 per record; a write is whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> Mapping[str, object] | None:
        """One record, or None. Raises CredentialsUnusable for a file that others can read or that is no record."""
        return await asyncio.to_thread(self._read, self._path(name))

    async def write(self, name: str, value: Mapping[str, object]) -> None:
        """Write a file beside the old one, then put it in its place."""
        await asyncio.to_thread(self._write, self._path(name), json.dumps(dict(value)))

    async def forget(self, name: str) -> None:
        """Remove the file."""
        self._path(name).unlink(missing_ok=True)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncGenerator[None]:
        """A lock that the kernel lets go when its process ends."""
        lock = os.open(self._made() / f"{_hash(name)}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while not _locked(lock):  # noqa: ASYNC110  another process lets go, which no event here hears of
                await asyncio.sleep(_PAUSE)
            yield
        finally:
            os.close(lock)

    def _path(self, name: str) -> Path:
        return self._folder / f"{_hash(name)}.json"

    def _made(self) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise CredentialsUnusable(f"cannot keep tokens in {self._folder}: {error.strerror}") from error
        return self._folder

    def _read(self, path: Path) -> Mapping[str, object] | None:
        try:
            if path.stat().st_mode & 0o077:
                raise CredentialsUnusable(f"{path} can be read by others: chmod 600 {path}")
            parsed: object = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise CredentialsUnusable(f"{path} cannot be read: remove it and sign in again") from None
        return cast("dict[str, object]", parsed) if isinstance(parsed, dict) else None

    def _write(self, path: Path, text: str) -> None:
        try:
            handle, beside = tempfile.mkstemp(dir=self._made(), prefix=".new-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(beside).replace(path)
            finally:
                with suppress(FileNotFoundError):
                    Path(beside).unlink()
        except OSError as error:
            raise CredentialsUnusable(f"cannot write {path}: {error.strerror}") from error


def _hash(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
