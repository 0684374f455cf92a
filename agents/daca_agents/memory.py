"""What an agent remembers of its conversations: the Agents SDK's own sessions, bounded in size and in time."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Final, Protocol

import grpc
from agents import SQLiteSession
from agents.memory import Session, SessionSettings

from sidecar.connect import Sidecar

LIFE: Final = 7 * 24 * 3600
"""Seconds that a conversation is remembered after its last word."""
MOST: Final = 200
"""Items of a conversation that are given to the model again."""
FAULTS: Final = (sqlite3.Error, OSError, grpc.RpcError)
"""What a memory that can not be reached raises."""
_PRUNE_SECONDS: Final = 3600.0
_OLD: Final = "SELECT session_id FROM agent_sessions WHERE updated_at < datetime('now', :age)"
_PRUNE: Final = (
    f"DELETE FROM agent_messages WHERE session_id IN ({_OLD})",  # noqa: S608  all of it stands here
    "DELETE FROM agent_sessions WHERE updated_at < datetime('now', :age)",
    """DELETE FROM agent_messages WHERE id <= (
        SELECT later.id FROM agent_messages AS later WHERE later.session_id = agent_messages.session_id
        ORDER BY later.id DESC LIMIT 1 OFFSET :most)""",
)


class Memory(Protocol):
    """Where conversations are kept, whichever replica asks."""

    def of(self, conversation: str) -> AbstractAsyncContextManager[Session]:
        """One conversation, by the name that its owner and it have together. What it raises is in FAULTS."""
        ...


class Lazy:
    """A memory that is there while the app lives: opening one may have to wait for the sidecar."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Memory]]) -> None:
        self._opened = opened
        self._memory: Memory | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Within this block there is one."""
        async with self._opened() as self._memory:
            yield
        self._memory = None

    def of(self, conversation: str) -> AbstractAsyncContextManager[Session]:
        """One conversation."""
        if self._memory is None:
            raise RuntimeError("the app's lifespan has not begun, or is over")
        return self._memory.of(conversation)


@asynccontextmanager
async def memory_of(sidecar: Sidecar, data: Path, app_id: str) -> AsyncGenerator[Memory]:
    """With a sidecar in its state store, else in a file beside the embedded state."""
    if sidecar.mode == "sidecar":
        # What speaks gRPC to Dapr takes its time to load, and on a laptop nobody needs it.
        from daca_agents.dapr_memory import dapr_memory  # noqa: PLC0415  see above

        async with dapr_memory() as memory:
            yield memory
        return
    file = FileMemory(data / f"conversations-{app_id}.db")
    pruning = asyncio.create_task(file.prune_for_ever())
    try:
        yield file
    finally:
        pruning.cancel()
        await asyncio.gather(pruning, return_exceptions=True)


class FileMemory:
    """Conversations in one SQLite file, for this user's eyes only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def of(self, conversation: str) -> AsyncGenerator[Session]:
        """One conversation; its connections are closed with it."""
        session = await asyncio.to_thread(self._open, conversation)
        try:
            yield session
        finally:
            await asyncio.to_thread(session.close)

    async def prune_for_ever(self) -> None:
        """Forget, now and every hour, what is old and what is more than is ever read."""
        while True:
            await asyncio.to_thread(self.prune)
            await asyncio.sleep(_PRUNE_SECONDS)

    def prune(self) -> None:
        """Forget what is old and what is more than is ever read."""
        self._open("").close()  # makes the tables
        with closing(sqlite3.connect(self._path)) as connection, connection:
            for statement in _PRUNE:
                connection.execute(statement, {"age": f"-{LIFE} seconds", "most": MOST})

    def _open(self, conversation: str) -> SQLiteSession:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        return SQLiteSession(conversation, self._path, session_settings=SessionSettings(limit=MOST))
