"""An agent as others reach it over A2A: its card for everybody, its tasks behind the door."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from starlette.routing import Route

from daca_agents.a2a_card import Card
from daca_agents.a2a_handler import Handler
from daca_agents.executor import Executor
from daca_agents.quiet import hush
from daca_agents.replica import Tasks
from daca_agents.requests import Admission, CallerContext
from daca_agents.task_events import StateEventStream
from daca_agents.task_rules import TERMINAL

CARD_PATH: Final = "/.well-known/agent-card.json"
RPC_PATH: Final = "/a2a"
DRAIN_SECONDS: Final = 1.5
"""For runs that nobody listens to any more: after the server has waited for requests, before they are failed."""

_GRACE_SECONDS: Final = 4.0
"""For streams under way at the end; the server waits for five."""


class A2AServer:
    """The routes, and the life of what is behind them."""

    def __init__(self, tasks: Tasks, executor: Executor, card: Card) -> None:
        hush()
        self._tasks = tasks
        self._executor = executor
        self._card = card
        events = StateEventStream(tasks.state, tasks.store)
        admission = Admission(tasks.store, tasks.parked)
        self._handler = Handler(executor, tasks.store, events, admission, card.plain)

    @property
    def routes(self) -> list[Route]:
        """The card for anyone, and the endpoint, at exactly its path."""
        return [
            *create_agent_card_routes(self._card.plain, self._card.now, cache_control="public, max-age=60"),
            *create_jsonrpc_routes(
                self._handler, RPC_PATH, context_builder=CallerContext(), shutdown_grace_period=_GRACE_SECONDS
            ),
        ]

    @asynccontextmanager
    async def living(self) -> AsyncGenerator[None]:
        """While it serves. At the end what runs may come to its end; what does not is failed, not left as it is."""
        async with self._tasks.holder.living(self._look_after):
            yield
            await self._executor.drain(DRAIN_SECONDS)
            await self._handler.aclose()
            for task_id in tuple(self._tasks.holder.held):
                await self._tasks.store.fail(task_id, "the agent was stopped while it worked on this: ask again")

    async def _look_after(self, task_id: str) -> None:
        """A task that was ended elsewhere ends here too."""
        kept = await self._tasks.store.look(task_id)
        if kept is not None and kept.task.status.state in TERMINAL:
            self._executor.stop(task_id)
            self._tasks.holder.let_go(task_id)
