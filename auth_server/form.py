"""Request parameters, each at most once (except `resource`). RFC 6749 §3.2, appendix B."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from auth_server.errors import InvalidRequest

_MOST_FIELDS = 64
_REPEATABLE = frozenset({"resource"})


class Form:
    """The parameters of one request. An empty value counts as not sent. RFC 6749 §3.2."""

    def __init__(self, fields: Mapping[str, tuple[str, ...]]) -> None:
        self._fields = fields

    @classmethod
    def parse(cls, body: bytes) -> "Form":
        """Read `application/x-www-form-urlencoded`. Raises InvalidRequest for a repeated or undecodable parameter."""
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
        except ValueError as error:
            raise InvalidRequest("the body is not a sound form", detail=type(error).__name__) from None
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            if name in fields and name not in _REPEATABLE:
                raise InvalidRequest("a parameter is repeated", detail=f"repeated {name[:40]}")
            fields[name] = (*fields.get(name, ()), value) if value else fields.get(name, ())
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
