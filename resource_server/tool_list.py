"""The answer to tools/list, narrowed to what may be called. A courtesy: the call itself is refused anyway."""

import json
import re
from collections.abc import Callable
from typing import cast

from starlette.types import Message, Scope, Send

_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_IN_THE_WAY = frozenset({b"accept-encoding", b"range", b"if-none-match"})


def readable(scope: Scope) -> Scope:
    """The request without what would make its answer unreadable here: compression, ranges, sending by file."""
    headers = [field for field in scope["headers"] if field[0] not in _IN_THE_WAY]
    return {**scope, "headers": headers, "extensions": {}}


class ToolListFilter:
    """A `send` for one response: JSON is narrowed whole, an event stream event by event, all else passes as it is."""

    def __init__(self, send: Send, shows: Callable[[str], bool], *, one_callers: bool) -> None:
        self._send = send
        self._shows = shows
        self._one_callers = one_callers
        self._start: Message | None = None
        self._streams = False
        self._pending = b""

    async def __call__(self, message: Message) -> None:
        """Take one ASGI message of the response."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] != "http.response.body" or not (self._start or self._streams):
            await self._send(message)
        elif self._streams:
            await self._stream(message)
        else:
            await self._whole(message)

    async def _begin(self, message: Message) -> None:
        headers = {name.lower(): value for name, value in message.get("headers", ())}
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind not in {b"application/json", b"text/event-stream"}:
            return await self._send(message)
        if b"content-encoding" in headers:
            raise RuntimeError("the app compressed an answer that the door must read; compress outside of the door")
        if kind == b"application/json":
            self._start = message
            return None
        self._streams = True
        return await self._send({**message, "headers": _without_length(message)})

    async def _whole(self, message: Message) -> None:
        self._pending += message.get("body", b"")
        if message.get("more_body", False):
            return
        start = cast("Message", self._start)
        body = self._narrowed(self._pending)
        headers = [*_without_length(start), (b"content-length", b"%d" % len(body))]
        await self._send({**start, "headers": headers})
        await self._send({**message, "body": body})

    async def _stream(self, message: Message) -> None:
        self._pending += message.get("body", b"")
        more = message.get("more_body", False)
        events: list[bytes] = []
        done = 0
        for match in _END_OF_EVENT.finditer(self._pending):
            events.append(self._event(self._pending[done : match.start()]) + match.group())
            done = match.end()
        self._pending = self._pending[done:]
        if not more:
            events.append(self._event(self._pending))
        if events:
            await self._send({**message, "body": b"".join(events)})

    def _event(self, event: bytes) -> bytes:
        lines = _END_OF_LINE.split(event)
        data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
        before = b"\n".join(data)
        after = self._narrowed(before)
        if after == before:
            return event
        return b"\r\n".join([*(line for line in lines if not line.startswith(b"data:")), b"data: " + after])

    def _narrowed(self, text: bytes) -> bytes:
        if b'"tools"' not in text:
            return text
        try:
            message: object = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return (
            json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() if self._narrow(message) else text
        )

    def _narrow(self, message: object) -> bool:
        result = cast("dict[str, object]", message).get("result") if isinstance(message, dict) else None
        listed = cast("dict[str, object]", result) if isinstance(result, dict) else {}
        tools = listed.get("tools")
        if not isinstance(tools, list):
            return False
        listed["tools"] = [tool for tool in cast("list[object]", tools) if self._shows(_name_of(tool))]
        if self._one_callers and "cacheScope" in listed:
            listed["cacheScope"] = "private"
        return True


def _name_of(tool: object) -> str:
    return str(cast("dict[str, object]", tool).get("name")) if isinstance(tool, dict) else ""


def _without_length(message: Message) -> list[tuple[bytes, bytes]]:
    return [field for field in message.get("headers", ()) if field[0].lower() not in {b"content-length", b"etag"}]
