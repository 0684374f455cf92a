"""Request parameters, each at most once (except `resource`). RFC 6749 §3.2, appendix B."""

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from auth_server.errors import InvalidRequest

_MOST_FIELDS = 64
_SOUND = re.compile(rb"[^%\x80-\xff]*(?:%[0-9A-Fa-f]{2}[^%\x80-\xff]*)*")
_REPEATABLE = frozenset({"resource"})


class Form:
    """The parameters of one request. An empty value counts as not sent. RFC 6749 §3.2."""

    def __init__(self, fields: Mapping[str, tuple[str, ...]]) -> None:
        self._fields = fields

    @classmethod
    def parse(cls, body: bytes) -> "Form":
        """Read `application/x-www-form-urlencoded`. Raises InvalidRequest for a repeated or undecodable parameter."""
        pairs = body.split(b"&", _MOST_FIELDS)
        if len(pairs) > _MOST_FIELDS:
            raise InvalidRequest("the form has too many parameters")
        if not _SOUND.fullmatch(body):
            raise InvalidRequest("the body is not a sound form", detail="encoding")
        fields: dict[str, tuple[str, ...]] = {}
        for pair in filter(None, pairs):
            encoded, _, content = pair.partition(b"=")
            name, value = encoded.decode(), _decoded(content)
            if "%" in name or "+" in name:
                name = _decoded(encoded)
            if name in fields and name not in _REPEATABLE:
                raise InvalidRequest("a parameter is repeated", detail=f"repeated {name[:40]}")
            before = fields.get(name, ())
            fields[name] = (*before, value) if value else before
        return cls(fields)

    def one(self, name: str) -> str | None:
        """The parameter, or None."""
        values = self._fields.get(name)
        return values[0] if values else None

    def required(self, name: str) -> str:
        """The parameter. Raises InvalidRequest when it is missing."""
        value = self.one(name)
        if value is None:
            raise InvalidRequest(f"{name} is required")
        return value

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a parameter that may repeat."""
        return self._fields.get(name, ())


def _decoded(part: bytes) -> str:
    """One name or value of a sound body. Not parse_qsl: three times as long, and it lets unsound ones through."""
    if b"%" not in part and b"+" not in part:
        return part.decode()
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not a sound form", detail="utf-8") from None
