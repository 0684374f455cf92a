"""While a pod is taken out of service, every answer ends its connection: a caller that kept one finds another pod.

A kept connection stays with its pod however long nobody new can find it; without this its next call would arrive when
the sidecar behind the app is gone.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from sidecar.at_once import AtOnce, Reply, at_once_of

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[..., Awaitable[None]]


class Leaving:
    """An ASGI app that serves as before, and from `begin` on keeps no connection."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._begun = False
        self._ask = at_once_of(app)
        self.at_once: AtOnce | None = None if self._ask is None else self._answer_at_once

    def begin(self) -> None:
        """From now on."""
        self._begun = True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request. The flag is looked at when the answer begins, as the pod may be leaving by then."""

        async def ending(message: Message) -> None:
            if self._begun and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, ending if scope["type"] == "http" else send)

    def _answer_at_once(self, scope: Message, body: bytes) -> Reply | None:
        """What the app answers; whoever leaves takes the whole way, which ends the connection."""
        return None if self._begun or self._ask is None else self._ask(scope, body)
