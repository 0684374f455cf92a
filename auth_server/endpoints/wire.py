"""A request as the endpoints read it, and an answer as they give it: no more of HTTP than OAuth needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from auth_server.errors import InvalidRequest, OAuthError
from auth_server.form import Form
from auth_server.models import Client

Header: TypeAlias = tuple[bytes, bytes]
NO_STORE: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
_JSON: Header = (b"content-type", b"application/json")
_FORM = "application/x-www-form-urlencoded"
_SAID = [_FORM.encode()]


# These two are not frozen: each request has one of both, and a frozen one takes three times as long to make.
@dataclass(kw_only=True, slots=True)
class Request:
    """One request, its body read. `peer` is the address that it came from."""

    method: str
    headers: tuple[Header, ...] = field(repr=False)
    query: bytes = field(repr=False)
    body: bytes = field(repr=False)
    peer: str = ""
    path: str = ""

    def header(self, name: bytes) -> tuple[str, ...]:
        """All values of a header, as they were sent."""
        return tuple(value.decode("latin-1") for key, value in self.headers if key == name)


@dataclass(kw_only=True, slots=True)
class Answer:
    """One answer, and the note of it for the log."""

    status: int = 200
    headers: tuple[Header, ...] = ()
    body: bytes = field(default=b"", repr=False)
    note: Mapping[str, str] = field(default_factory=dict[str, str])


Endpoint: TypeAlias = Callable[[Request], Awaitable[Answer]]
AtOnce: TypeAlias = Callable[[Request], Answer | None]
Authenticate: TypeAlias = Callable[[tuple[Header, ...], Form], Awaitable[Client]]


def json_answer(
    value: object, *, status: int = 200, headers: tuple[Header, ...] = NO_STORE, note: Mapping[str, str] | None = None
) -> Answer:
    """An answer in JSON that nobody may store, unless `headers` says otherwise. RFC 6749 §5.1."""
    body = orjson.dumps(value)
    return Answer(status=status, headers=(_JSON, *headers), body=body, note=note or {})


def refusal(error: OAuthError) -> Answer:
    """A refusal as the client sees it. RFC 6749 §5.2."""
    described = "".join(char if char in _DESCRIBABLE else "?" for char in error.description.replace('"', "'"))
    return json_answer(
        {"error": error.error, "error_description": described},
        status=error.status,
        headers=(*NO_STORE, *error.headers),
        note={} if error.quiet else {"outcome": error.error, "reason": error.detail or described, **error.about},
    )


def read_form(request: Request) -> Form:
    """The form in the body. Raises InvalidRequest: no form, or anything in the URL. RFC 6749 §2.3.1, §3.2."""
    if request.query:
        raise InvalidRequest("parameters belong in the body, never in the URL")
    said = [value for name, value in request.headers if name == b"content-type"]
    if said != _SAID and media_types(request) != [_FORM]:
        raise InvalidRequest(f"the content type must be {_FORM}")
    return Form.parse(request.body)


def media_types(request: Request) -> list[str]:
    """What the request says its body is, without parameters; more than one is as wrong as none."""
    return [value.partition(";")[0].strip(" \t").lower() for value in request.header(b"content-type")]


_DESCRIBABLE = frozenset(map(chr, range(0x20, 0x7F))) - set('"\\')
