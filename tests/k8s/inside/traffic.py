"""Calls without end until a line comes in on stdin, then says how many there were and which failed, and how.

usage: traffic.py sidecar|direct CLIENT SECRET NAME=URL ... ; NAME is `token` (a token request) or `list` (a tool call).
Each kind of call goes round in two lines of its own: one on kept connections, one that makes each anew.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field

import httpx2

TOKEN = {"grant_type": "client_credentials", "resource": "http://localhost:8000/mcp"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_notes", "arguments": {}, "_meta": {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "traffic", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {}}}}  # fmt: skip
HEADERS = {
    "host": "localhost:8000",
    "accept": "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call", "mcp-name": "list_notes",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Who calls, and what came of it."""

    way: str
    client: tuple[str, str]
    bearer: str = ""
    counts: dict[str, int] = field(default_factory=dict[str, int])
    failed: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    @property
    def headers(self) -> dict[str, str]:
        """The sidecar's token, where calls go by the sidecar."""
        return {"dapr-api-token": os.environ["DAPR_API_TOKEN"]} if self.way == "sidecar" else {}

    def note(self, key: str, began: float, said: str) -> None:
        """One call more, and why it failed, if it did."""
        self.counts[key] = self.counts.get(key, 0) + 1
        if said:
            took = round(time.time() - began, 2)
            self.failed.append({"call": key, "at": round(began, 2), "took": took, "said": said})


async def token_of(traffic: Traffic, http: httpx2.AsyncClient, url: str) -> httpx2.Response:
    """Ask for a token."""
    return await http.post(url, data=TOKEN, auth=traffic.client, headers=traffic.headers)


async def fault_of(traffic: Traffic, http: httpx2.AsyncClient, name: str, url: str) -> str:
    """One call; what is wrong with its answer, or nothing."""
    try:
        if name == "token":
            answer = await token_of(traffic, http, url)
        else:
            bearer = {"authorization": f"Bearer {traffic.bearer}"}
            answer = await http.post(url, json=CALL, headers=traffic.headers | HEADERS | bearer)
    except httpx2.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    well = answer.status_code == 200 and (name == "token" or '"result"' in answer.text)
    return "" if well else f"{answer.status_code} {answer.text[:300]}"


async def line(traffic: Traffic, target: str, stop: asyncio.Event, *, kept: bool) -> None:
    """One caller, one call after the other."""
    name, url = target.split("=", 1)
    limits = httpx2.Limits() if kept else httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(timeout=15, limits=limits) as http:
        while not stop.is_set():
            began = time.time()
            traffic.note(f"{name} {'kept' if kept else 'anew'}", began, await fault_of(traffic, http, name, url))
            await asyncio.sleep(0.05)


async def main(way: str, client_id: str, secret: str, *targets: str) -> dict[str, object]:
    """Go round until told to stop."""
    stop = asyncio.Event()
    reading = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    reading.add_done_callback(lambda _: stop.set())
    unarmed = Traffic(way=way, client=(client_id, secret))
    async with httpx2.AsyncClient(timeout=10) as http:
        answer = await token_of(unarmed, http, dict(target.split("=", 1) for target in targets)["token"])
    bearer: str = answer.raise_for_status().json()["access_token"]
    traffic = Traffic(way=way, client=(client_id, secret), bearer=bearer)
    sys.stdout.write("under way\n")
    sys.stdout.flush()
    began = time.time()
    await asyncio.gather(*(line(traffic, target, stop, kept=kept) for target in targets for kept in (True, False)))
    seconds = round(time.time() - began, 1)
    return {
        "seconds": seconds,
        "calls": traffic.counts,
        "failed": len(traffic.failed),
        "failing": sorted({str(failure["call"]) for failure in traffic.failed}),
        "failures": traffic.failed[:20],
    }


sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:]))) + "\n")
