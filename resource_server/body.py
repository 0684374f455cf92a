"""A request body read ahead, within bounds, and handed to the app as if nobody had looked."""

from collections.abc import Iterable

from starlette.types import Message, Receive

from resource_server.errors import MalformedMessage, TooLarge


class Disconnected(Exception):
    """The client went away before its request was whole."""


async def read_body(receive: Receive, headers: Iterable[tuple[bytes, bytes]], limit: int) -> bytes:
    """The whole body. Raises TooLarge before more than `limit` bytes are held, MalformedMessage, Disconnected."""
    if any(name == b"content-encoding" and value.lower() != b"identity" for name, value in headers):
        raise MalformedMessage("send the body without Content-Encoding")
    for name, value in headers:
        if name == b"content-length" and (not value.isdigit() or int(value[:20]) > limit):
            raise TooLarge(f"the body may have {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise TooLarge(f"the body may have {limit} bytes")
        if not message.get("more_body", False):
            return b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """First the body in one piece, then whatever comes, such as the disconnect."""
    waiting = [body]

    async def receiving() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receiving
