"""What the door costs: for a token it has never seen, for one it knows, and of a whole authenticated tool call.

The door's own cost is measured in process, with tokens and keys of the real authorization server, as the processor
time through the door less that without it. The tool call is measured over HTTP: the clock behind its door against
the same clock without one. `python -m bench.door [--json] [--rounds N] [--seconds S]`
"""

import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench import apps, calls
from bench.command import Options, run
from bench.load import load
from bench.machine import Server, cores, free_port, serve, stay_off
from bench.rounds import Figure, Report, Spread, at_least, at_most, in_turn, ratio
from resource_server import Door

TITLE = "The door"
TOKENS = 1000


async def measure(options: Options) -> Report:
    """The door alone, then the door on a whole request."""
    core = cores()[0]
    stay_off(core)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        house = apps.build(folder / "house")
        async with _running(house, "auth-server", folder, core):
            figures = [*await _alone(options, house), *await _whole(options, house, folder, core)]
    return Report(title=TITLE, command="python -m bench.door", figures=figures)


@asynccontextmanager
async def _running(house: apps.House, app: apps.App, folder: Path, core: int) -> AsyncGenerator[Server]:
    log = folder / f"{app}.log"
    async with serve(
        app, house.command(app), port=house.ports[app], log=log, core=core, env=house.environ(app)
    ) as server:
        yield server


async def _alone(options: Options, house: apps.House) -> list[Figure]:
    first, known, plain = list[float](), list[float](), list[float]()
    for _ in range(options.rounds):
        fresh = [_scope(token) for token in await _tokens(house, TOKENS)]
        door = Door(_nothing, resource=house.resource("clock"), issuer=house.issuer, tools={"get_time": "mcp:read"})
        await _through(door, [_scope(token) for token in await _tokens(house, 1)])  # the keys are fetched once
        bare = await _through(_nothing, fresh)
        first.append((await _through(door, fresh) - bare) * 1000)
        known.append((await _through(door, fresh[-1:] * TOKENS) - bare) * 1e6)
        await door.aclose()
        plain.append((await _plain(house, fresh[-1]) - bare) * 1e6)
    return [
        at_most("a token on first sight, with a tool call", "ms", Spread.of(first), 0.3),
        at_most("a known token, no tool call", "µs", Spread.of(plain), 20),
        Figure(name="a known token, with a tool call read and checked", unit="µs", spread=Spread.of(known)),
    ]


async def _plain(house: apps.House, scope: Scope) -> float:
    """The same token at an app that is no MCP server."""
    door = Door(_nothing, resource=house.resource("clock"), issuer=house.issuer, scopes=("mcp:read",))
    await _through(door, [scope])
    took = await _through(door, [scope] * TOKENS)
    await door.aclose()
    return took


async def _through(app: ASGIApp, scopes: Sequence[Scope]) -> float:
    """Seconds of processor time a request, on average, all answered."""
    body = calls.body()
    answered = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal answered
        answered += message.get("status") == 200

    begun = time.process_time()
    for scope in scopes:
        await app({**scope}, receive, send)
    took = time.process_time() - begun
    assert answered == len(scopes), f"{len(scopes) - answered} of {len(scopes)} were refused"
    return took / len(scopes)


async def _nothing(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _scope(token: str) -> Scope:
    fields = {"host": "localhost:8000", **calls.headers(token)}
    return {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "query_string": b"",
        "headers": [(key.lower().encode(), value.encode()) for key, value in fields.items()],
    }


async def _tokens(house: apps.House, number: int) -> list[str]:
    """As many different tokens, straight from the token endpoint."""
    form = {"grant_type": "client_credentials", "scope": "mcp:read", "resource": house.resource("clock")}
    async with httpx2.AsyncClient(trust_env=False, auth=(apps.CLIENT, house.secret)) as http:
        answers = [await http.post(f"{house.issuer}/token", data=form) for _ in range(number)]
    return [answer.raise_for_status().json()["access_token"] for answer in answers]


async def _whole(options: Options, house: apps.House, folder: Path, core: int) -> list[Figure]:
    port, log = free_port(), folder / "bare.log"
    [token] = await _tokens(house, 1)
    command = [sys.executable, "-m", "bench.bare_clock", str(port), str(folder / "bare")]
    async with (
        _running(house, "clock", folder, core) as guarded,
        serve("bare", command, port=port, log=log, core=core, env={}) as bare,
    ):
        return await _calls(options, guarded, bare, token)


async def _calls(options: Options, guarded: Server, bare: Server, token: str) -> list[Figure]:
    costs: dict[str, list[float]] = {guarded.name: [], bare.name: []}

    async def rate(server: Server, request: bytes) -> float:
        before = server.processor()
        answered = await load(server.port, [request], seconds=options.seconds)
        costs[server.name].append((server.processor() - before) / answered.requests * 1e6)
        return answered.rate

    behind, without = calls.tool_call(guarded.port, token), calls.tool_call(bare.port, None)
    await rate(guarded, behind)
    await rate(bare, without)
    for warm in costs.values():
        warm.clear()
    rates = await in_turn(
        {"behind the door": lambda: rate(guarded, behind), "without a door": lambda: rate(bare, without)},
        options.rounds,
    )
    return [
        *(
            Figure(name=f"tools/call {name}", unit="requests/s", spread=Spread.of(values))
            for name, values in rates.items()
        ),
        at_least("tools/call behind the door over without", "times", ratio(*rates.values()), 0.95),
        Figure(name="the same by processor time", unit="times", spread=ratio(costs[bare.name], costs[guarded.name])),
    ]


if __name__ == "__main__":
    run(measure)
