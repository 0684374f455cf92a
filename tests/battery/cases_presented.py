"""Sound tokens that come in no acceptable way, and sound requests from a foreign page or to a foreign name."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from tests.battery.case import LEGACY, Case, bad_presentation, bearer, listing, path_of, rpc
from tests.battery.wire import Request
from tests.battery.world import World

Make = Callable[[World], Request]


def _good(world: World) -> bytes:
    return b"Bearer " + world.token()


def _sent_as(change: Callable[[bytes], bytes]) -> Make:
    return lambda world: listing(world, change(world.token()))


def _beside(name: str, change: Callable[[bytes], bytes]) -> Make:
    return lambda world: listing(world).plus((name, change(world.token())))


def _with_query(name: str, *, header: bool = False) -> Make:
    def make(world: World) -> Request:
        request = listing(world, *([_good(world)] if header else []))
        target = f"{request.target}?{name}={quote(world.token().decode())}"
        return Request(target=target, headers=request.headers, body=request.body)

    return make


def _bare(method: str) -> Make:
    return lambda world: Request(target=path_of(world), method=method)


def _form(world: World) -> Request:
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    return Request(target=path_of(world), headers=headers, body=b"access_token=" + world.token())


def _from_page(*origins: str) -> Make:
    def make(world: World) -> Request:
        parts = urlsplit(world.resource)
        own = f"{parts.scheme}://{parts.netloc}"
        return listing(world, _good(world)).plus(*(("Origin", origin.format(own=own)) for origin in origins))

    return make


def _to_host(*hosts: str) -> Make:
    return lambda world: Request(
        target=path_of(world), headers=(*LEGACY, *bearer(world)), body=rpc("tools/list"), host=hosts
    )


_NO_TOKEN: tuple[tuple[str, str, Make], ...] = (
    ("nothing", "no Authorization at all", listing),
    ("get", "GET without a token", _bare("GET")),
    ("delete", "DELETE without a token", _bare("DELETE")),
    ("basic", "Basic instead of Bearer", _sent_as(lambda _: b"Basic YmF0dGVyeTp4")),
    ("dpop", "the DPoP scheme", _sent_as(lambda token: b"DPoP " + token)),
    ("no-scheme", "the token without a scheme", _sent_as(lambda token: token)),
    ("no-space", "no space behind the scheme", _sent_as(lambda token: b"Bearer" + token)),
    ("tab", "a tab behind the scheme", _sent_as(lambda token: b"Bearer\t" + token)),
    ("no-token", "the scheme alone", _sent_as(lambda _: b"Bearer")),
    ("blank-token", "the scheme and a space", _sent_as(lambda _: b"Bearer ")),
    ("query", "the token in the query", _with_query("access_token")),
    ("query-token", "the token in the query as `token`", _with_query("token")),
    ("cookie", "the token in a cookie", _beside("Cookie", lambda token: b"access_token=" + token)),
    ("x-header", "the token in X-Access-Token", _beside("X-Access-Token", lambda token: token)),
    (
        "forwarded",
        "in X-Forwarded-Authorization",
        _beside("X-Forwarded-Authorization", lambda token: b"Bearer " + token),
    ),
    ("proxy", "in Proxy-Authorization", _beside("Proxy-Authorization", lambda token: b"Bearer " + token)),
    ("form", "the token in a form body", _form),
)
_GARBLED: tuple[tuple[str, str, Make], ...] = (
    ("quoted", "the token in quotes", _sent_as(lambda token: b'Bearer "' + token + b'"')),
    ("bearer-bearer", "the scheme twice", _sent_as(lambda token: b"Bearer Bearer " + token)),
    ("comma", "two tokens in one header", _sent_as(lambda token: b"Bearer " + token + b", Bearer " + token)),
)
_TWICE: tuple[tuple[str, str, Make], ...] = (
    ("twice", "the same header twice", lambda world: listing(world, _good(world), _good(world))),
    ("good-and-bad", "a good header, then a bad one", lambda world: listing(world, _good(world), b"Bearer x")),
    ("bad-and-good", "a bad header, then a good one", lambda world: listing(world, b"Basic eDp4", _good(world))),
    ("header-and-query", "the token in header and query", _with_query("access_token", header=True)),
    ("header-and-encoded-query", "the same, the name encoded", _with_query("access%5Ftoken", header=True)),
)
_PAGES: tuple[tuple[str, Make], ...] = (
    ("foreign", _from_page("https://evil.example")),
    ("null", _from_page("null")),
    ("longer", _from_page("{own}.evil.example")),
    ("other-port", _from_page("http://localhost:1")),
    ("twice", _from_page("{own}", "https://evil.example")),
    ("without-token", lambda world: listing(world).plus(("Origin", "https://evil.example"))),
)
_HOSTS: tuple[tuple[str, Make], ...] = (
    ("foreign", _to_host("evil.example")),
    ("longer", _to_host("localhost.evil.example")),
    ("user", _to_host("localhost:8000@evil.example")),
    ("user-of-loopback", _to_host("evil.example@localhost")),
    ("missing", _to_host()),
    ("twice", _to_host("localhost", "evil.example")),
    ("empty", _to_host("")),
)


def _rebinding(name: str, make: Make, *status: int) -> Case:
    return Case(id=f"rebinding/{name}", about=name.replace("-", " "), make=make, status=frozenset(status), error=None)


CASES: tuple[Case, ...] = (
    *(bad_presentation(name, about, make) for name, about, make in _NO_TOKEN),
    *(bad_presentation(name, about, make, error="invalid_token") for name, about, make in _GARBLED),
    *(bad_presentation(name, about, make, status=400, error="invalid_request") for name, about, make in _TWICE),
    *(_rebinding(f"origin-{name}", make, 400, 403) for name, make in _PAGES),
    *(_rebinding(f"host-{name}", make, 400, 403, 421) for name, make in _HOSTS),
)
