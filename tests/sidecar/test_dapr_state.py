"""What the stores of Dapr do differently, and what happens when they are away: each seen on the real thing."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from sidecar.dapr_http import Address, SidecarUnavailable, client_of, wait_until_ready
from sidecar.dapr_state import DaprState
from sidecar.state import StateUnavailable

if TYPE_CHECKING:
    from tests.sidecar.conftest import Clock, RunningDaprd, RunningServer, Sidecars, Store


class _Paused(httpx2.AsyncHTTPTransport):
    """The real transport; the answer to the first GET is held until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read = asyncio.Event()
        self.go_on = asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        if request.method == "GET" and not self.has_read.is_set():
            await answer.aread()
            self.has_read.set()
            await self.go_on.wait()
        return answer


@asynccontextmanager
async def _paused_state(address: Address, clock: "Clock") -> AsyncGenerator[tuple[DaprState, _Paused]]:
    transport = _Paused()
    headers = {"dapr-api-token": address.token}
    async with httpx2.AsyncClient(base_url=address.url, headers=headers, transport=transport) as http:
        yield DaprState(http, clock=clock), transport


async def _forget(server: "RunningServer", key: str) -> None:
    """Remove a key as Redis does when its time is over."""
    assert await _redis(server, b"DEL", key) == 1


async def _redis(server: "RunningServer", verb: bytes, key: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    name = f"auth-server||{key}".encode()
    writer.write(b"*2\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(verb), verb, len(name), name))
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(answer[1:])


@pytest.mark.needs("daprd", "redis")
@pytest.mark.parametrize("store", ["redis"], indirect=True)
async def test_redis_dropping_a_key_between_read_and_write_still_leaves_one_winner(
    store: "Store", redis: "RunningServer", replicas_of: "Callable[[str], tuple[RunningDaprd, RunningDaprd]]"
) -> None:
    await store.state.insert(store.key, "old", ttl=10)
    store.clock.now += 69
    one, two = replicas_of("redis")
    async with (
        _paused_state(one.address, store.clock) as (state_a, pause_a),
        _paused_state(two.address, store.clock) as (state_b, pause_b),
        asyncio.timeout(60),
        asyncio.TaskGroup() as tasks,
    ):
        a = tasks.create_task(state_a.insert(store.key, "a", ttl=10))
        b = tasks.create_task(state_b.insert(store.key, "b", ttl=10))
        await pause_a.has_read.wait()
        await pause_b.has_read.wait()
        await _forget(redis, store.key)
        pause_a.go_on.set()
        pause_b.go_on.set()
    assert sorted([a.result(), b.result()]) == [False, True]
    entry = await store.state.get(store.key)
    assert entry is not None
    assert entry.value == ("a" if a.result() else "b")


class _Deaf(httpx2.AsyncHTTPTransport):
    """The real transport; the answers to writes get lost on the way back."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        if request.method == "POST":
            await answer.aclose()
            raise httpx2.ReadTimeout("the answer got lost", request=request)
        return answer


@pytest.mark.needs("daprd")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_write_whose_answer_got_lost_counts_once_and_for_its_writer(
    store: "Store", replicas_of: "Callable[[str], tuple[RunningDaprd, RunningDaprd]]"
) -> None:
    address = replicas_of("sqlite")[0].address
    headers = {"dapr-api-token": address.token}
    async with httpx2.AsyncClient(base_url=address.url, headers=headers, transport=_Deaf()) as http:
        deaf = DaprState(http, clock=store.clock)
        assert await deaf.insert(store.key, 1)
        assert not await deaf.insert(store.key, 2)
        entry = await deaf.get(store.key)
        assert entry is not None
        assert await deaf.replace(store.key, 3, entry.etag)
        assert not await deaf.replace(store.key, 4, entry.etag)


class _Refusing(httpx2.AsyncHTTPTransport):
    """The real transport for reads; a sidecar whose store has become read-only."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(500, json={"message": "disk is full"})
        return await super().handle_async_request(request)


@pytest.mark.needs("daprd")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_store_that_takes_no_write_is_an_outage_with_its_own_words_and_soon(
    store: "Store", replicas_of: "Callable[[str], tuple[RunningDaprd, RunningDaprd]]"
) -> None:
    await store.state.insert(store.key, 1)
    address = replicas_of("sqlite")[0].address
    headers = {"dapr-api-token": address.token}
    async with httpx2.AsyncClient(base_url=address.url, headers=headers, transport=_Refusing()) as http:
        state = DaprState(http, clock=store.clock)
        entry = await state.get(store.key)
        assert entry is not None
        async with asyncio.timeout(5):
            for write in (state.insert("new", 1), state.replace(store.key, 2, entry.etag), state.put(store.key, 2)):
                with pytest.raises(StateUnavailable, match="disk is full"):
                    await write


@pytest.mark.needs("daprd")
@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_the_store_itself_is_told_when_a_value_ends(
    store: "Store", request: pytest.FixtureRequest, replicas_of: "Callable[[str], tuple[RunningDaprd, RunningDaprd]]"
) -> None:
    await store.state.insert(store.key, 1, ttl=10)
    running = replicas_of(request.node.callspec.params["store"])[0]
    async with client_of(running.address) as http:
        answer = await http.get(f"/v1.0/state/statestore/{store.key}")
    assert answer.headers.get("metadata.ttlexpiretime")


@pytest.mark.needs("daprd", "redis")
@pytest.mark.parametrize("store", ["redis"], indirect=True)
async def test_redis_itself_is_told_when_a_value_ends(store: "Store", redis: "RunningServer") -> None:
    await store.state.insert(store.key, 1, ttl=10)
    assert 10 < await _redis(redis, b"TTL", store.key) <= 70
    await store.state.delete(store.key)
    assert 0 < await _redis(redis, b"TTL", store.key) <= 60


@pytest.fixture
async def own(sidecars: "Sidecars") -> "AsyncGenerator[tuple[RunningDaprd, DaprState]]":
    running = sidecars.start("auth-server")
    async with client_of(running.address) as http:
        yield running, DaprState(http)


@pytest.mark.needs("daprd")
async def test_a_killed_sidecar_loses_nothing_and_the_next_call_after_its_restart_works(
    own: "tuple[RunningDaprd, DaprState]", tmp_path: Path
) -> None:
    running, state = own
    key = tmp_path.name
    assert await state.insert(key, {"kept": True}, ttl=600)
    running.kill()
    with pytest.raises(StateUnavailable, match="statestore cannot be reached"):
        await state.get(key)
    with pytest.raises(StateUnavailable):
        await state.insert(f"{key}-2", 1)
    running.start()
    entry = await state.get(key)
    assert entry is not None
    assert entry.value == {"kept": True}
    assert await state.replace(key, "again", entry.etag)
    running.kill()
    running.start()
    assert await state.insert(f"{key}-3", 1)


@pytest.mark.needs("daprd", "redis")
async def test_a_store_that_is_gone_is_an_outage_and_not_a_lost_race(
    sidecars: "Sidecars", redis_of_its_own: "RunningServer"
) -> None:
    values = {"redis_host": f"127.0.0.1:{redis_of_its_own.port}", "redis_password": ""}
    running = sidecars.start("auth-server", store="redis", values=values)
    async with client_of(running.address) as http:
        state = DaprState(http)
        await state.insert("a", 1)
        entry = await state.get("a")
        assert entry is not None
        redis_of_its_own.process.send_signal(signal.SIGKILL)
        redis_of_its_own.process.wait()
        async with asyncio.timeout(30):
            for attempt in (
                state.get("a"),
                state.insert("b", 1),
                state.replace("a", 2, entry.etag),
                state.put("a", 2),
                state.delete("a"),
            ):
                with pytest.raises(StateUnavailable):
                    await attempt


@pytest.mark.needs("daprd")
async def test_a_value_that_something_else_wrote_is_named_as_such(own: "tuple[RunningDaprd, DaprState]") -> None:
    running, state = own
    for value in ("plain", '{"other": 1}', 5, {"value": 1}):
        item: dict[str, Any] = {"key": "foreign", "value": value}
        async with client_of(running.address) as http:
            assert (await http.post("/v1.0/state/statestore", json=[item])).is_success
        with pytest.raises(StateUnavailable, match="did not write"):
            await state.get("foreign")


@pytest.mark.needs("daprd")
async def test_a_value_too_large_for_the_sidecar_is_refused_at_once(own: "tuple[RunningDaprd, DaprState]") -> None:
    _, state = own
    async with asyncio.timeout(5):
        with pytest.raises(StateUnavailable):
            await state.put("large", "x" * 5_000_000)


@pytest.mark.needs("daprd")
async def test_a_wrong_api_token_is_an_outage_that_says_so(own: "tuple[RunningDaprd, DaprState]") -> None:
    running, _ = own
    async with client_of(Address(url=running.address.url, token="wrong")) as http:
        with pytest.raises(StateUnavailable, match="401"):
            await DaprState(http).get("a")
        with pytest.raises(StateUnavailable, match="401"):
            await DaprState(http).insert("a", 1)


async def test_waiting_for_a_sidecar_ends_with_its_address_and_the_reason(
    unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with client_of(Address(url=f"http://127.0.0.1:{unused_port}")) as http:
        with pytest.raises(SidecarUnavailable, match=rf"127.0.0.1:{unused_port}.*ConnectError"):
            await wait_until_ready(http, seconds=0.3)


async def _serve_hanging_up_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
    """A sidecar that is killed just as the first request reaches it, and is there again for the second."""
    seen.append(await reader.readuntil(b"\r\n\r\n"))
    if len(seen) > 1:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    writer.close()
    await writer.wait_closed()


async def test_a_read_whose_connection_breaks_is_asked_once_more() -> None:
    seen: list[bytes] = []
    server = await asyncio.start_server(lambda r, w: _serve_hanging_up_once(r, w, seen), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client_of(Address(url=f"http://127.0.0.1:{port}")) as http:
        assert await DaprState(http).get("key") is None
    assert len(seen) == 2


class _Silent(httpx2.AsyncBaseTransport):
    """A store that reads well, finds nothing, and never ends a write."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            await asyncio.Event().wait()
        return httpx2.Response(204)


async def test_no_write_lasts_longer_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.dapr_state._SECONDS", 0.1)
    async with httpx2.AsyncClient(base_url="http://sidecar", transport=_Silent()) as http, asyncio.timeout(5):
        with pytest.raises(StateUnavailable, match="did not take a write"):
            await DaprState(http).insert("key", 1)
