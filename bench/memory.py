"""Resident memory of each app: when it can serve, and after a thousand requests.

`python -m bench.memory [--json]`
"""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2

from bench import apps, calls
from bench.command import Options, run
from bench.load import load, request
from bench.machine import Server, serve
from bench.rounds import Figure, Report, Spread

REQUESTS = 1000


async def measure(_options: Options) -> Report:
    """Every app at once, as on a laptop."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        house = apps.build(folder / "house")
        async with AsyncExitStack() as stack:
            servers: dict[apps.App, Server] = {}
            for app in apps.MODULES:
                serving = serve(
                    app,
                    house.command(app),
                    port=house.ports[app],
                    log=folder / f"{app}.log",
                    env=house.environ(app),
                )
                servers[app] = await stack.enter_async_context(serving)
            started = {app: server.resident() for app, server in servers.items()}
            for app, server in servers.items():
                await load(server.port, [await _request(app, house)], seconds=60, requests=REQUESTS)
            worked = {app: server.resident() for app, server in servers.items()}
    return Report(
        title="Resident memory",
        command="python -m bench.memory",
        figures=[
            figure
            for app in servers
            for figure in (_figure(f"{app}, started", started[app]), _figure(f"{app}, after {REQUESTS}", worked[app]))
        ],
    )


def _figure(name: str, value: float) -> Figure:
    return Figure(name=name, unit="MiB", spread=Spread.of([value]))


async def _request(app: apps.App, house: apps.House) -> bytes:
    """What this app does all day: tokens, tool calls; of the agent only its door, for a model is no matter of ours."""
    port = house.ports[app]
    if app == "auth-server":
        return house.token_request()
    if app == "researcher":
        return request("GET", f"localhost:{port}", "/healthz", {})
    token = await _token(house, app)
    return calls.tool_call(port, token, tool="get_time" if app == "clock" else "list_notes")


async def _token(house: apps.House, app: apps.App) -> str:
    form = {"grant_type": "client_credentials", "scope": "mcp:read", "resource": house.resource(app)}
    async with httpx2.AsyncClient(trust_env=False, auth=(apps.CLIENT, house.secret)) as http:
        answer = await http.post(f"{house.issuer}/token", data=form)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


if __name__ == "__main__":
    run(measure)
