"""Where a person's tokens are kept: the keyring of the system where there is a real one, else files of mode 0600."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError

from cli.errors import Usage
from cli.settings import Settings
from oauth_client import CredentialsUnusable, FileVault, Vault

_WEAKEST = 1  # keyring's own mark: below it, a backend is a stand-in or keeps plain text


class KeyringVault:
    """Records in a keyring; files hold only the locks, which keyrings do not have."""

    def __init__(self, backend: KeyringBackend, service: str, locks: FileVault) -> None:
        self._backend = backend
        self._service = service
        self._locks = locks

    async def read(self, name: str) -> Mapping[str, object] | None:
        """One record, or None. Raises CredentialsUnusable."""
        try:
            kept = await asyncio.to_thread(self._backend.get_password, self._service, name)
            parsed: object = json.loads(kept) if kept else None
        except (KeyringError, ValueError) as error:
            raise _unusable(error) from None
        return cast("dict[str, object]", parsed) if isinstance(parsed, dict) else None

    async def write(self, name: str, value: Mapping[str, object]) -> None:
        """Put a record in place of what was there. Raises CredentialsUnusable."""
        try:
            await asyncio.to_thread(self._set, name, json.dumps(dict(value)))
        except KeyringError as error:
            raise _unusable(error) from None

    def _set(self, name: str, text: str) -> None:
        cast("Any", self._backend).set_password(self._service, name, text)

    async def forget(self, name: str) -> None:
        """Remove a record, if there. Raises CredentialsUnusable when it is there still."""
        try:
            await asyncio.to_thread(self._backend.delete_password, self._service, name)
        except PasswordDeleteError as error:
            # Backends say this of what they do not have, and of what they do not give up.
            if await self.read(name) is not None:
                raise _unusable(error) from None
        except KeyringError as error:
            raise _unusable(error) from None

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Be the only one, of all processes, who works at this record."""
        return self._locks.hold(name)


def open_vault(settings: Settings) -> Vault:
    """As DACA_VAULT says: `keyring`, `file`, or the keyring where there is a real one. Raises Usage."""
    files = FileVault(settings.data / "people")
    if settings.vault not in {"auto", "keyring", "file"}:
        raise Usage(f"DACA_VAULT is {settings.vault}: choose auto, keyring or file")
    if settings.vault == "file":
        return files
    backend = _backend()
    if backend.priority >= _WEAKEST:
        return KeyringVault(backend, f"daca {settings.data}", files)
    if settings.vault == "keyring":
        raise Usage("DACA_VAULT is keyring, but there is no real keyring here")
    return files


def _backend() -> KeyringBackend:
    try:
        return keyring.get_keyring()
    except (ImportError, AttributeError, ValueError, TypeError, RuntimeError) as error:
        raise Usage(
            f"the keyring that is configured cannot be loaded ({type(error).__name__}); see DACA_VAULT"
        ) from error


def _unusable(error: Exception) -> CredentialsUnusable:
    return CredentialsUnusable(f"the keyring cannot be used ({type(error).__name__}); DACA_VAULT=file does without it")
