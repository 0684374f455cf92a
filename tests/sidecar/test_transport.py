"""Calls to canonical origins through two real sidecars, and what must not change or leak on the way."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest

from sidecar.callers import Callers
from sidecar.components import APIS, Access
from sidecar.transport import SidecarTransport
from tests.sidecar.callee import CHALLENGE, Callee, serving

if TYPE_CHECKING:
    from tests.sidecar.conftest import RunningDaprd, Sidecars

pytestmark = pytest.mark.needs("daprd")

NOTES: Final = "http://localhost:8000"
ROUTES: Final = {NOTES: "notes", "http://localhost:9000": "auth-server", "https://notes.example": "notes"}


@dataclass(kw_only=True)
class Wire:
    """A caller's sidecar, a callee behind its own, and the callee's real port."""

    caller: "RunningDaprd"
    callee: "RunningDaprd"
    app: Callee
    direct: str


@pytest.fixture(scope="module")
def wire(sidecars: "Sidecars", unused_ports: list[int]) -> "Generator[Wire]":
    app, port = Callee(), unused_ports[0]
    with serving(app, port):
        mcp = Access(apis=APIS["mcp"])
        agent = Access(apis=APIS["agent"], secrets=("client-researcher",))
        callee = sidecars.start("notes", access=mcp, app_port=port)
        caller = sidecars.start("researcher", access=agent)
        yield Wire(caller=caller, callee=callee, app=app, direct=f"http://127.0.0.1:{port}")


@pytest.fixture
async def http(wire: Wire) -> AsyncGenerator[httpx2.AsyncClient]:
    transport = SidecarTransport(wire.caller.address, ROUTES)
    async with httpx2.AsyncClient(transport=transport, timeout=10) as client:
        yield client


def _values(heard: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in heard["headers"] if key == name]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_refusal_keeps_its_status_body_and_challenge(http: httpx2.AsyncClient, method: str) -> None:
    answer = await http.request(method, f"{NOTES}/deny")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == CHALLENGE
    assert answer.json() == {"error": "unauthorized"}


async def test_a_refused_event_stream_keeps_its_status_and_challenge_too(http: httpx2.AsyncClient) -> None:
    answer = await http.get(f"{NOTES}/deny", headers={"accept": "text/event-stream"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == CHALLENGE


async def test_without_the_transports_care_the_sidecar_would_make_it_a_500(wire: Wire) -> None:
    headers = {"accept": "text/event-stream", "dapr-api-token": wire.caller.spec.api_token}
    async with httpx2.AsyncClient(base_url=wire.caller.address.url) as plain:
        answer = await plain.get("/v1.0/invoke/notes/method/deny", headers=headers)
    assert answer.status_code == 500
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "text/event-stream"])
async def test_an_event_stream_arrives_event_by_event(http: httpx2.AsyncClient, wire: Wire, accept: str) -> None:
    async with (
        asyncio.timeout(10),
        httpx2.AsyncClient() as direct,
        http.stream("POST", f"{NOTES}/events", json={}, headers={"accept": accept}) as answer,
    ):
        assert answer.status_code == 200
        chunks = answer.aiter_text()
        for number in range(3):
            assert await anext(chunks) == f"data: {number}\n\n"
            # Only now may the app send the next one: an event held back would never have come.
            await direct.post(f"{wire.direct}/step")


async def test_hanging_up_ends_the_work_of_the_app(http: httpx2.AsyncClient, wire: Wire) -> None:
    wire.app.hung_up.clear()
    async with http.stream("POST", f"{NOTES}/events", json={}) as answer:
        await anext(answer.aiter_text())
    assert await asyncio.to_thread(wire.app.hung_up.wait, 10)


async def test_a_large_token_passes(http: httpx2.AsyncClient) -> None:
    token = "Bearer " + "x" * 6_000
    heard = (await http.get(f"{NOTES}/mcp", headers={"authorization": token})).json()
    assert _values(heard, "authorization") == [token]


async def test_a_streamed_body_arrives_whole(http: httpx2.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    assert (await http.post(f"{NOTES}/mcp", content=body())).json()["size"] == 1_000_000


@pytest.mark.parametrize("origin", [NOTES, "https://notes.example", "https://notes.example:443"])
async def test_method_path_and_query_arrive_as_they_were(http: httpx2.AsyncClient, origin: str) -> None:
    query = "a=1%2F2&b=%20+x&a=%C3%BC&empty="
    heard = (await http.put(f"{origin}/.well-known/oauth-protected-resource/mcp?{query}")).json()
    assert heard["method"] == "PUT"
    assert heard["path"] == "/.well-known/oauth-protected-resource/mcp"
    assert heard["query"] == query


async def test_escapes_in_a_path_arrive_as_they_were(http: httpx2.AsyncClient) -> None:
    path = "/caf%C3%A9/a%20b/%22%3C%7C%5E/x+y;z=1,2/@:~/$&/%F0%9F%99%82"
    assert (await http.get(NOTES + path)).json()["path"] == path
    for given, same in (("/caf%c3%a9", "/caf%C3%A9"), ("/é(1)", "/%C3%A9%281%29")):
        assert (await http.get(NOTES + given)).json()["path"] == same


async def test_the_root_can_be_asked_for(http: httpx2.AsyncClient) -> None:
    assert (await http.get(NOTES)).json()["path"] == "/"
    assert (await http.get(f"{NOTES}/?a=b")).json()["query"] == "a=b"


@pytest.mark.parametrize(
    "path", ["/v1.0/secrets/secretstore/client-researcher", "/v1.0/state/statestore/a", "/v1.0/healthz", "/dapr/config"]
)
async def test_no_path_of_a_canonical_origin_reaches_an_api_of_the_sidecar(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.get(NOTES + path)).json()["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "/a//b",
        "/mcp/",
        "/a/%2e%2e/b",
        "/a/%2E%2E/%2E%2E/%2E%2E/%2E%2E/v1.0/secrets/secretstore/client-researcher",
        "/a%2Fb",
        "/a%5cb",
        "/a%00b",
        "/a%3Fb",
        "/a%23b",
        "/100%25",
        "/%252e%252e/b",
        "/a%2Bb",
        "/a%3Bb",
        "/a%0ab",
        "/a%7Fb",
        "/%FF",
        "//evil.example/mcp",
    ],
)
async def test_a_path_that_the_sidecar_would_alter_is_not_sent(http: httpx2.AsyncClient, path: str) -> None:
    with pytest.raises(httpx2.UnsupportedProtocol, match="would change"):
        await http.get(NOTES + path)


async def test_a_caller_cannot_choose_another_app_or_replace_the_token(http: httpx2.AsyncClient, wire: Wire) -> None:
    forged = {"dapr-app-id": "auth-server", "Dapr-Api-Token": "forged", "dapr-caller-app-id": "operator"}
    forged["Dapr-Caller-Namespace"] = "elsewhere"
    heard = (await http.get(f"{NOTES}/mcp", headers=forged)).json()
    assert heard["path"] == "/mcp"
    assert _values(heard, "dapr-api-token") == [wire.callee.spec.app_token]
    assert "forged" not in str(heard)
    assert "operator" not in _values(heard, "dapr-caller-app-id")
    raw = [(key.encode(), value.encode()) for key, value in heard["headers"]]
    assert Callers(wire.callee.spec.app_token).of(raw) == "researcher.default"
    assert Callers("another").of(raw) is None


async def test_the_sidecars_own_token_never_reaches_the_app(http: httpx2.AsyncClient, wire: Wire) -> None:
    assert wire.caller.spec.api_token not in (await http.get(f"{NOTES}/mcp")).text


async def test_another_origin_is_reached_directly_with_no_word_of_dapr(http: httpx2.AsyncClient, wire: Wire) -> None:
    forged = {"dapr-app-id": "notes", "dapr-api-token": "x", "authorization": "Bearer kept"}
    heard = (await http.get(f"{wire.direct}/mcp?a=b", headers=forged)).json()
    assert not [name for name, _ in heard["headers"] if name.startswith("dapr-")]
    assert _values(heard, "authorization") == ["Bearer kept"]
    assert heard["query"] == "a=b"


@pytest.mark.parametrize("near", ["https://localhost:8000", "http://localhost:8002", "http://127.0.0.1:8000"])
def test_only_the_exact_origin_is_routed(wire: Wire, near: str) -> None:
    transport = SidecarTransport(wire.caller.address, ROUTES)
    assert transport.app_id_of(httpx2.URL(f"{NOTES}/mcp")) == "notes"
    assert transport.app_id_of(httpx2.URL(f"{near}/mcp")) is None
