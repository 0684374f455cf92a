"""Conversations in the app's own state store, through its sidecar: the Agents SDK's session over Dapr."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from agents.extensions.memory import DaprSession
from agents.memory import Session, SessionSettings
from typing_extensions import override

from daca_agents.memory import LIFE, MOST
from sidecar.dapr_grpc import DaprClient, grpc_client

_STORE: Final = "statestore"
_LARGEST: Final = 512 * 1024
"""Characters of a conversation that are kept: a message to the sidecar holds 4 MiB."""


@asynccontextmanager
async def dapr_memory() -> AsyncGenerator["DaprMemory"]:
    """One client for the app's life."""
    async with grpc_client() as client:
        yield DaprMemory(client)


class DaprMemory:
    """Each conversation is one record, replaced by compare-and-set; it goes away by itself."""

    def __init__(self, client: DaprClient) -> None:
        self._client = client

    @asynccontextmanager
    async def of(self, conversation: str) -> AsyncGenerator[Session]:
        """One conversation."""
        yield Conversation(
            f"conversation-{conversation}",
            state_store_name=_STORE,
            dapr_client=self._client,
            ttl=LIFE,
            consistency="strong",
            session_settings=SessionSettings(limit=MOST),
        )


class Conversation(DaprSession):
    """The SDK's session, which keeps everything, but with only its latest part kept."""

    @override
    def _decode_messages_for_update(self, data: bytes | None) -> list[Any]:
        kept, size = list[Any](), 0
        for message in reversed(super()._decode_messages_for_update(data)[-MOST:]):
            size += len(message)
            if size > _LARGEST:
                break
            kept.append(message)
        return kept[::-1]
