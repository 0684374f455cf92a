"""A request body read ahead, within bounds, and handed to the app as if nobody had looked."""

from starlette.types import Message, Receive

from resource_server.errors import MalformedMessage, TooLarge
from resource_server.rules.rfc9110_fields import Fields

_MOST_DIGITS = 18


class Disconnected(Exception):
    """The client went away before its request was whole."""


def check_readable(fields: Fields) -> None:
    """Refuse a compressed message: its size says nothing of what the app would read. Raises MalformedMessage."""
    if b"content-encoding" in fields and any(value.lower() != b"identity" for value in fields.all(b"content-encoding")):
        raise MalformedMessage("send the body without Content-Encoding")


def check_length(fields: Fields, limit: int) -> bool:
    """Whether a length is declared, which the server then holds the client to. Raises TooLarge."""
    length = fields.get(b"content-length")
    if length is None:
        return False
    repeated = b"content-length" in fields.repeated  # of two, servers may believe either: RFC 9112 §6.3
    if repeated or not length.isdigit() or len(length) > _MOST_DIGITS or int(length) > limit:
        raise TooLarge(f"the body may have {limit} bytes")
    return True


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises TooLarge before more than `limit` bytes and one piece are held; Disconnected."""
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
