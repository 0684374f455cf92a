"""Which replica works on a task, and whether it still lives: a sign of life in the state that goes away by itself."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from a2a.types.a2a_pb2 import Task

from daca_agents.task_rules import ACTIVE
from sidecar.state import State, StateUnavailable

LEASE_SECONDS = 20
"""A replica that has not been heard of for this long is gone, and what it worked on with it."""
_LOG = logging.getLogger("daca_agents")


class Holder:
    """This replica, as the others see it. It gives a sign of life while it works on something."""

    def __init__(
        self, state: State, *, lease: int = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = uuid.uuid4().hex
        self.held: set[str] = set()
        self._state = state
        self._lease = lease
        self._clock = clock
        self._beaten = float("-inf")

    def of(self, task: Task) -> str:
        """Whose work this task is: this replica's, or nobody's while it waits or when it is done."""
        return self.name if task.status.state in ACTIVE else ""

    async def begin(self, task: Task) -> None:
        """Be seen to live before a task says that this replica works on it."""
        if task.status.state in ACTIVE:
            self.held.add(task.id)
            if self._clock() - self._beaten >= self._lease / 4:
                await self._beat()

    def ended(self, task: Task) -> None:
        """A step was written: this replica has nothing more to do with it, unless it goes on."""
        if task.status.state not in ACTIVE:
            self.let_go(task.id)

    def let_go(self, task_id: str) -> None:
        """Work on it no more."""
        self.held.discard(task_id)

    async def is_lost(self, holder: str) -> bool:
        """Whether that replica is gone."""
        return holder not in {"", self.name} and await self._state.get(_key(holder)) is None

    @asynccontextmanager
    async def living(self, look_after: Callable[[str], Awaitable[None]]) -> AsyncGenerator[None]:
        """Within this block the signs of life go on, and `look_after` sees each task in hand now and then."""
        going = asyncio.create_task(self._live(look_after))
        try:
            yield
        finally:
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going

    async def _live(self, look_after: Callable[[str], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            try:
                if self.held:
                    await self._beat()
                for task_id in tuple(self.held):
                    await look_after(task_id)
            except StateUnavailable as error:
                _LOG.warning("no sign of life: %s", type(error).__name__)

    async def _beat(self) -> None:
        await self._state.put(_key(self.name), {}, ttl=self._lease)
        self._beaten = self._clock()


def _key(holder: str) -> str:
    return f"replica-{holder}"
