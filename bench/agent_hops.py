"""What identity costs an agent's answer, a hop: the same question with doors and tokens, through sidecars, and bare.

The researcher asks the clock: one hop. The concierge asks the researcher, which asks the clock: two. The rehearsed
model thinks, in no time at all. A known caller has asked before; a new one brings a token that nobody has seen, so
that every hop exchanges. `python -m bench.agent_hops [--json] [--rounds N]`
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from bench.command import Options, run
from bench.machine import ROOT, free_port, serve
from bench.rounds import Figure, Report, Spread
from cli.declared import read_declared
from cli.story.identity import at_port, for_story
from oauth_client import ClientSecret, Tokens
from sidecar.secrets_file import SecretsFile

QUESTION = {"input": "Ask the researcher what time it is in Tokyo"}
PLAIN = {"input": "What time is it in Tokyo?"}
ASKED = {"researcher": (1, PLAIN), "concierge": (2, QUESTION)}
EACH = 8
ISSUER = "http://localhost:9000"


@dataclass(frozen=True, kw_only=True)
class Town:
    """One system on free ports: canonical URLs by name, and its data folder."""

    urls: Mapping[str, str]
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "DAPR_", "OPENAI"))}
        own = {"DACA_DATA": self.data, "DACA_IDENTITY": self.folder / "identity.yaml"}
        return {**kept, **{name: str(value) for name, value in own.items()}, "DACA_ISSUER": self.urls["auth-server"]}


async def measure(options: Options) -> Report:
    """Each mode by itself, for a system of five apps with five sidecars leaves nothing for another beside it."""
    figures: list[Figure] = []
    bare = dict[str, float]()
    with tempfile.TemporaryDirectory() as name:
        for mode in ("embedded", "bare", "sidecars"):
            town = _town(Path(name) / ("sidecars" if mode == "sidecars" else "direct"))
            async with _running(mode, town) as running:
                if running:
                    seen = await _asked(town, options.rounds, tokens=mode != "bare")
                    figures += [_figure(mode, what, values) for what, values in seen.items()]
                    bare |= {what: Spread.of(values).median for what, values in seen.items() if mode == "bare"}
    ours = [figure for figure in figures if not figure.name.startswith("bare")]
    return Report(
        title="An agent's answer, hop by hop",
        command="python -m bench.agent_hops",
        figures=[*figures, *(_a_hop(figure, bare) for figure in ours)],
    )


def _town(folder: Path) -> Town:
    """A folder with an identity file on free ports; the one that is there, when there is one."""
    file = folder / "identity.yaml"
    if not file.exists():
        declared = {"auth-server": ISSUER, **read_declared(ROOT / "identity.yaml").resources}
        moved = {url: at_port(url, free_port()) for url in declared.values()}
        told = for_story(yaml.safe_load((ROOT / "identity.yaml").read_text()), short_lived="", moved=moved)
        folder.mkdir(parents=True)
        file.write_text(yaml.safe_dump(told))
        (folder / "urls.json").write_text(json.dumps({name: moved[url] for name, url in declared.items()}))
    return Town(urls=json.loads((folder / "urls.json").read_text()), folder=folder)


@asynccontextmanager
async def _running(mode: str, town: Town) -> AsyncGenerator[bool]:
    if mode == "bare":
        async with AsyncExitStack() as stack:
            for name in ("clock", "notes", "researcher", "scribe", "concierge"):
                await stack.enter_async_context(_bare(town, name))
            yield True
    elif mode == "sidecars" and not _daprd():
        print("there is no daprd: nothing is said about sidecars", file=sys.stderr)
        yield False
    else:
        async with _system(mode, town):
            yield True


def _daprd() -> bool:
    return (ROOT / "bin" / "daprd").exists() or shutil.which("daprd") is not None


def _bare(town: Town, name: str) -> Any:
    port = town.urls[name].removesuffix("/mcp").rpartition(":")[2]
    environ = {**town.environ(), "DACA_PORT": port, "DACA_RESOURCE": town.urls[name]}
    environ["DACA_PROFILES"] = str(town.data / "profiles")  # as the system before it was told
    command = [sys.executable, "-m", "bench.bare_agents", name]
    return serve(name, command, port=int(port), log=town.folder / f"bare-{name}.log", env=environ)


@asynccontextmanager
async def _system(mode: str, town: Town) -> AsyncGenerator[None]:
    daca = [sys.executable, "-c", "from cli.main import main; main()", "up", f"--{mode}", "--json"]
    with (town.folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *daca, cwd=ROOT, env=town.environ(), stdout=asyncio.subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout
        ready = await process.stdout.readline()
        assert ready, (town.folder / "log").read_text()[-2000:]
        yield
    finally:
        process.terminate()
        await process.wait()


async def _asked(town: Town, rounds: int, *, tokens: bool) -> dict[str, list[float]]:
    """Milliseconds to the whole answer, by whom and for whom; one at a time."""
    seen = dict[str, list[float]]()
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        for name in ASKED:
            known = await _token(town, name, http) if tokens else "none"
            await _ask(http, town, name, known)
            for _ in range(rounds * EACH):
                seen.setdefault(f"{name}, a known caller", []).append(await _ask(http, town, name, known))
            for _ in range(rounds * EACH if tokens else 0):
                token = await _token(town, name, http)
                seen.setdefault(f"{name}, a new caller", []).append(await _ask(http, town, name, token))
    return seen


async def _token(town: Town, name: str, http: httpx2.AsyncClient) -> str:
    secret = SecretsFile(town.data / "secrets.json").get("client-operator")
    assert secret
    credentials = ClientSecret("operator", secret["secret"])
    async with Tokens(credentials=credentials, http=http, issuer=town.urls["auth-server"]) as tokens:
        return (await tokens.fetch(town.urls[name], ("agent:ask",))).access_token


async def _ask(http: httpx2.AsyncClient, town: Town, name: str, token: str) -> float:
    begun = time.perf_counter()
    headers = {"authorization": f"Bearer {token}"}
    answer = await http.post(f"{town.urls[name]}/ask", json=ASKED[name][1], headers=headers)
    took = (time.perf_counter() - begun) * 1000
    assert answer.status_code == 200, answer.text
    assert "Tokyo" in answer.json()["output"], answer.text
    return took


def _figure(mode: str, what: str, values: list[float]) -> Figure:
    return Figure(name=f"{mode}: {what}", unit="ms", spread=Spread.of(values))


def _a_hop(figure: Figure, bare: Mapping[str, float]) -> Figure:
    """What the mode adds to the bare loop, shared out among its hops."""
    mode, _, what = figure.name.partition(": ")
    name = what.partition(",")[0]
    hops, without = ASKED[name][0], bare[f"{name}, a known caller"]
    added = [(value - without) / hops for value in (figure.spread.low, figure.spread.median, figure.spread.high)]
    spread = Spread(low=added[0], median=added[1], high=added[2])
    return Figure(name=f"{mode} adds a hop: {what}", unit="ms", spread=spread)


if __name__ == "__main__":
    run(measure)
