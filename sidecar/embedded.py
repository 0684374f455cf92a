"""State and secrets with no sidecar: one SQLite file and one secrets file, shared by every process on this machine."""

import asyncio
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.secrets_file import SecretsFile, SecretsFileError
from sidecar.state import Entry, Json, StateUnavailable, check_key, check_ttl

_BUSY_SECONDS: Final = 5.0
_SWEEP_SECONDS: Final = 60.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS state (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, etag TEXT NOT NULL, expires REAL
) WITHOUT ROWID
"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS state_expires ON state (expires) WHERE expires IS NOT NULL"
_GET: Final = "SELECT value, etag FROM state WHERE key = :key AND (expires IS NULL OR expires > :now)"
_INSERT: Final = """
INSERT INTO state (key, value, etag, expires) VALUES (:key, :value, :etag, :expires)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, etag = excluded.etag, expires = excluded.expires
"""
_IF_EXPIRED: Final = "WHERE state.expires <= :now"
_REPLACE: Final = """
UPDATE state SET value = :value, etag = :etag, expires = :expires
WHERE key = :key AND etag = :seen AND (expires IS NULL OR expires > :now)
"""
_DELETE: Final = "DELETE FROM state WHERE key = :key"
_SWEEP: Final = "DELETE FROM state WHERE expires <= :now"

_T = TypeVar("_T")


class SqliteState:
    """One app's state in a SQLite file: write-ahead log, several processes and apps at once, one worker thread each.

    Each method is one SQL statement, so SQLite's own write lock decides every race, between processes too.
    """

    def __init__(self, path: Path, app_id: str, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._prefix = f"{app_id}||"
        self._clock = clock
        self._swept = float("-inf")
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        self._open: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        """Open the file. Raises StateUnavailable when it cannot be."""
        await self._run(self._connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the file and end the worker thread."""
        await self._run(self._close)
        self._worker.shutdown(wait=False)

    async def get(self, key: str) -> Entry | None:
        """The value now, or None."""
        return await self._run(lambda: self._get(self._name(key)))

    async def insert(self, key: str, value: Json, *, ttl: int | None = None) -> bool:
        """Write if absent; an expired row is absent."""
        row = self._row(key, value, ttl)
        return await self._run(lambda: self._write(_INSERT + _IF_EXPIRED, row))

    async def replace(self, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
        """Write if unchanged since `etag` was read."""
        row = self._row(key, value, ttl) | {"seen": etag}
        return await self._run(lambda: self._write(_REPLACE, row))

    async def put(self, key: str, value: Json, *, ttl: int | None = None) -> None:
        """Write whatever is there."""
        row = self._row(key, value, ttl)
        await self._run(lambda: self._write(_INSERT, row))

    async def delete(self, key: str) -> None:
        """Remove, if there."""
        row: dict[str, str | float | None] = {"key": self._name(key), "now": self._clock()}
        await self._run(lambda: self._write(_DELETE, row))

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _row(self, key: str, value: Json, ttl: int | None) -> dict[str, str | float | None]:
        now = self._clock()
        expires = None if check_ttl(ttl) is None else now + (ttl or 0)
        text = json.dumps(value, allow_nan=False)
        # A fresh mark for each write: a value deleted and written again must not fit a mark read before.
        return {"key": self._name(key), "value": text, "etag": uuid.uuid4().hex, "expires": expires, "now": now}

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except (sqlite3.Error, OSError) as error:
            raise StateUnavailable(f"the state file {self._path} cannot be used: {error}") from error

    def _get(self, name: str) -> Entry | None:
        row = self._connection().execute(_GET, {"key": name, "now": self._clock()}).fetchone()
        return None if row is None else Entry(value=json.loads(row[0]), etag=row[1])

    def _write(self, statement: str, row: Mapping[str, str | float | None]) -> bool:
        connection = self._connection()
        self._sweep(connection, self._clock())
        return connection.execute(statement, dict(row)).rowcount == 1

    def _sweep(self, connection: sqlite3.Connection, now: float) -> None:
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            connection.execute(_SWEEP, {"now": now})

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = _open(self._path)
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _open(path: Path) -> sqlite3.Connection:
    """Open in autocommit, for this user's eyes only; SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    connection.execute(_INDEX)
    return connection


class FileSecrets:
    """Secrets from a file of mode 0600, `{name: {key: value}}`, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._file = SecretsFile(path)

    async def get(self, name: str) -> Mapping[str, str]:
        """All keys of one secret. Raises SecretMissing, SecretsUnavailable."""
        try:
            values = await asyncio.to_thread(self._file.get, name)
        except SecretsFileError as error:
            raise SecretsUnavailable(str(error)) from error
        if not values or not all(values.values()):
            raise SecretMissing(f"secret {name!r} is missing or empty in {self._file.path}: `daca up` makes it")
        return values
