"""A test issuer that can fall silent, a clock that obeys, and a door between them and an app that listens."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Unpack

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.types import Receive, Scope, Send

from resource_server import Caller, Door, current_caller
from resource_server.settings import Options
from tests.battery.case import LEGACY, bearer, path_of, rpc
from tests.battery.wire import Answer, Headers, Request, in_process
from tests.battery.world import Signer, World

NOW = 1_800_000_000.0


@dataclass
class Clock:
    """Seconds that pass when told."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Issuer:
    """An authorization server as far as a door sees it; it counts what is fetched, and can be away or hold back."""

    world: World
    jwks: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    away: bool = False
    fetched: list[str] = field(default_factory=list[str])
    answer: Callable[[httpx2.Request], httpx2.Response | None] = lambda _: None

    def publish(self, *signers: Signer) -> None:
        self.jwks = {"keys": [signer.jwk() for signer in signers]}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.fetched.append(request.url.path)
        if self.away:
            raise httpx2.ConnectError("nobody there", request=request)
        return self.answer(request) or self._usual(request)

    def _usual(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/jwks.json":
            return httpx2.Response(200, json=self.jwks)
        if request.url.path == "/.well-known/oauth-authorization-server":
            return httpx2.Response(200, json=self.metadata)
        return httpx2.Response(404)

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))

    @property
    def key_fetches(self) -> int:
        return self.fetched.count("/jwks.json")


@dataclass
class App:
    """What stands behind the door: it notes what reaches it and answers as told."""

    reached: list[Scope] = field(default_factory=list[Scope])
    bodies: list[bytes] = field(default_factory=list[bytes])
    callers: list[Caller | None] = field(default_factory=list["Caller | None"])
    kind: bytes = b"application/json"
    chunks: Iterable[bytes] = (b"{}",)
    headers: Iterable[tuple[bytes, bytes]] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.reached.append(scope)
        self.callers.append(_caller_or_none())
        self.bodies.append((await receive()).get("body", b""))
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-type", self.kind), *self.headers]})
        for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _live(self, receive: Receive, send: Send) -> None:
        for done in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{done}"
            await send({"type": f"lifespan.{done}.complete"})


def _caller_or_none() -> Caller | None:
    try:
        return current_caller()
    except LookupError:
        return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    return World(
        resource="http://localhost:8000/mcp",
        other_resource="http://localhost:8001/mcp",
        issuer="http://localhost:9000",
        signer=Signer(key=ec.generate_private_key(ec.SECP256R1()), kid="key-1"),
        now=NOW,
    )


@pytest.fixture
def issuer(world: World) -> Issuer:
    metadata = {"issuer": world.issuer, "jwks_uri": f"{world.issuer}/jwks.json"}
    return Issuer(world, jwks={"keys": [world.signer.jwk()]}, metadata=metadata)


@pytest.fixture
def app() -> App:
    return App()


@dataclass
class House:
    """A door on its hinges, and what it takes to knock."""

    world: World
    issuer: Issuer
    app: App
    clock: Clock
    door: Door

    async def send(self, request: Request) -> Answer:
        return await in_process(self.door, self.world)(request)

    async def knock(self, token: bytes | None = None, *extra: tuple[str, str], method: str = "GET") -> Answer:
        """A request without a body, with this token or a good one."""
        request = Request(target=path_of(self.world), method=method, headers=(*extra, *bearer(self.world, token)))
        return await self.send(request)

    async def call(self, method: str, scope: str = "mcp:read", headers: Headers = LEGACY, **params: object) -> Answer:
        """A JSON-RPC request by a caller with this scope."""
        token = self.world.token(claims=self.world.claims(scope=scope))
        headers = (*headers, *bearer(self.world, token))
        return await self.send(Request(target=path_of(self.world), headers=headers, body=rpc(method, params)))

    @property
    def request_bodies(self) -> list[Any]:
        return [json.loads(body) for body in self.app.bodies]


@pytest.fixture
def house(world: World, issuer: Issuer, app: App, clock: Clock) -> Callable[..., House]:
    """Builds a house; keyword arguments are the door's settings."""

    def build(**options: Unpack[Options]) -> House:
        usual: Options = {
            "scopes": ("mcp:read",),
            "tools": {"list_notes": "mcp:read", "write_note": "mcp:write", "delete_note": ("mcp:write", "mcp:delete")},
            "implies": {"mcp:write": "mcp:read", "mcp:admin": ("mcp:write", "mcp:delete")},
        }
        settings: Options = {**usual, **options}
        door = Door(
            app,
            resource=world.resource,
            issuer=world.issuer,
            http=issuer.http(),
            clock=clock,
            monotonic=clock,
            **settings,
        )
        return House(world, issuer, app, clock, door)

    return build
