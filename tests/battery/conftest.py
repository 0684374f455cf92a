"""A door in process, with a test issuer whose key is ours."""

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.types import Receive, Scope, Send

from resource_server import Door
from tests.battery.world import Signer, World

ISSUER = "http://localhost:9000"
RESOURCE = "http://localhost:8000/mcp"


@pytest.fixture(scope="session", params=["ES256", "RS256"])
def world(request: pytest.FixtureRequest) -> World:
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if request.param == "ES256"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    return World(
        resource=RESOURCE,
        other_resource="http://localhost:8001/mcp",
        issuer=ISSUER,
        signer=Signer(key=key, kid="key-1"),
    )


class Reached:
    """An app that only remembers that it was reached."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}'})


def issuer_of(world: World) -> httpx2.AsyncClient:
    """The authorization server's metadata and keys, in process."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/jwks.json":
            return httpx2.Response(200, json={"keys": [world.signer.jwk()]})
        return httpx2.Response(200, json={"issuer": world.issuer, "jwks_uri": f"{world.issuer}/jwks.json"})

    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer))


@pytest.fixture
def reached() -> Reached:
    return Reached()


@pytest.fixture
def mcp_door(world: World, reached: Reached) -> Door:
    return Door(
        reached,
        resource=world.resource,
        issuer=world.issuer,
        scopes=(world.baseline,),
        tools={world.read_tool: "mcp:read", "write_note": "mcp:write", world.beyond_tool: "mcp:delete"},
        implies={"mcp:write": "mcp:read"},
        http=issuer_of(world),
    )


@pytest.fixture
def plain_door(world: World, reached: Reached) -> Door:
    return Door(reached, resource=world.resource, issuer=world.issuer, scopes=(world.baseline,), http=issuer_of(world))
