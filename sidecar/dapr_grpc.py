"""Dapr's own client, for libraries that want one: state over gRPC, at the address that Dapr's environment names."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from dapr.aio.clients import DaprClient
from dapr.clients.health import DaprHealth

__all__ = ["DaprClient", "grpc_client"]


@asynccontextmanager
async def grpc_client() -> AsyncGenerator[DaprClient]:
    """One client for the app's life. The sidecar's API must allow `state` over gRPC to this app."""
    # Making one waits for the sidecar, and blocks: the wait is over when the client is made in the loop it belongs to.
    await asyncio.to_thread(DaprHealth.wait_for_sidecar)
    async with DaprClient() as client:
        yield client
