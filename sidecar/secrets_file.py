"""The secrets file of a laptop: written by the command line, read embedded or by Dapr's `secretstores.local.file`."""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias, cast

_Stamp: TypeAlias = tuple[int, int, int]
_Secrets: TypeAlias = dict[str, dict[str, str]]
_NEVER: Final[_Stamp] = (0, 0, 0)


class SecretsFileError(Exception):
    """The file cannot be read or trusted. The message names it and says what to do; it never quotes its content."""


class SecretsFile:
    """`{name: {key: value}}` in JSON, mode 0600. Every write is atomic, and locked against other processes.

    A missing file is an empty one. Every method raises SecretsFileError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = _NEVER
        self._secrets: _Secrets = {}

    def get(self, name: str) -> Mapping[str, str] | None:
        """A copy of one secret's keys and values, or None."""
        values = self._read().get(name)
        return None if values is None else dict(values)

    def names(self) -> tuple[str, ...]:
        """The names of all secrets, sorted."""
        return tuple(sorted(self._read()))

    def put(self, name: str, values: Mapping[str, str]) -> None:
        """Write one secret, whatever was there; all its values must be non-empty strings (ValueError)."""
        with self._locked() as secrets:
            secrets[name] = _checked(name, values)

    def ensure(self, name: str, make: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        """The secret as it is, else as `make` makes it now: one maker wins, however many processes start at once."""
        with self._locked() as secrets:
            if name not in secrets:
                secrets[name] = _checked(name, make())
            return dict(secrets[name])

    def remove(self, name: str) -> None:
        """Forget one secret, if there."""
        with self._locked() as secrets:
            secrets.pop(name, None)

    def _read(self) -> _Secrets:
        try:
            with self.path.open(encoding="utf-8") as file:
                seen = os.fstat(file.fileno())
                stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
                if stamp != self._stamp:
                    _check_mode(self.path, seen.st_mode)
                    self._secrets, self._stamp = _parse(self.path, file.read()), stamp
        except FileNotFoundError:
            self._secrets, self._stamp = {}, _NEVER
        except OSError as error:
            raise SecretsFileError(f"cannot read {self.path}: {error.strerror}") from error
        return self._secrets

    @contextmanager
    def _locked(self) -> Generator[_Secrets]:
        """The secrets to change in place; written back when they differ and nothing was raised."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise SecretsFileError(f"cannot write beside {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._read()
            secrets = {name: dict(values) for name, values in before.items()}
            yield secrets
            if secrets != before:
                _write(self.path, secrets)
        finally:
            os.close(lock)


def _checked(name: str, values: Mapping[str, str]) -> dict[str, str]:
    if not name or not values or not all(values.values()):
        raise ValueError(f"secret {name!r} needs at least one key, and no empty value")
    return dict(values)


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise SecretsFileError(f"{path} can be read by others: chmod 600 {path}")


def _parse(path: Path, text: str) -> _Secrets:
    try:
        parsed: object = json.loads(text)
    except ValueError:
        # Not chained: the parser's error holds the whole text.
        raise SecretsFileError(f"{path} is not JSON") from None
    if not _is_secrets(parsed):
        raise SecretsFileError(f'{path} must hold {{"name": {{"key": "value"}}}}, strings only')
    return cast("_Secrets", parsed)


def _is_secrets(parsed: object) -> bool:
    if not isinstance(parsed, dict):
        return False
    return all(_is_strings(values) for values in cast("dict[str, object]", parsed).values())


def _is_strings(values: object) -> bool:
    return isinstance(values, dict) and all(
        isinstance(value, str) for value in cast("dict[str, object]", values).values()
    )


def _write(path: Path, secrets: _Secrets) -> None:
    """Replace the file whole: a reader sees the old one or the new one, also after a crash."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(secrets, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SecretsFileError(f"cannot write {path}: {error.strerror}") from error
