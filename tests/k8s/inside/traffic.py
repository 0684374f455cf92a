"""Calls without end until a line comes in on stdin, then says how many there were and which failed, and how.

usage: traffic.py sidecar|direct CLIENT SECRET NAME=URL ... ; NAME is `token` (a token request) or `list` (a tool call).
Each kind of call goes round in two lines of its own: one on kept connections, one that makes each anew.
"""

import asyncio
import json
import os
import sys
import time

import httpx2

way, client_id, secret, *targets = sys.argv[1:]
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
APPS = {"token": "auth-server", "list": "notes"}


async def main() -> dict[str, object]:
    """Go round until told to stop."""
    stop = asyncio.Event()
    reading = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    reading.add_done_callback(lambda _: stop.set())
    bearer = await _token(httpx2.AsyncClient(timeout=10), dict(t.split("=", 1) for t in targets)["token"])
    counts: dict[str, int] = {}
    failed: list[dict[str, object]] = []
    lines = [_line(stop, bearer, *target.split("=", 1), kept, counts, failed) for target in targets for kept in (1, 0)]
    sys.stdout.write("under way\n")
    sys.stdout.flush()
    began = time.time()
    await asyncio.gather(*lines)
    return {"seconds": round(time.time() - began, 1), "calls": counts, "failed": len(failed), "failures": failed[:20]}


async def _token(http: httpx2.AsyncClient, url: str) -> str:
    answer = await http.post(url, data=TOKEN, auth=(client_id, secret), headers=_sidecar())
    return answer.raise_for_status().json()["access_token"]


def _sidecar() -> dict[str, str]:
    return {"dapr-api-token": os.environ["DAPR_API_TOKEN"]} if way == "sidecar" else {}


async def _line(stop, bearer, name, url, kept, counts, failed) -> None:
    http = httpx2.AsyncClient(timeout=15)
    while not stop.is_set():
        began = time.time()
        try:
            said = await _call(http, name, url, bearer, kept)
        except httpx2.HTTPError as error:
            said = f"{type(error).__name__}: {error}"
        key = f"{name} {'kept' if kept else 'anew'}"
        counts[key] = counts.get(key, 0) + 1
        if said:
            failed.append({"call": key, "at": round(began, 2), "took": round(time.time() - began, 2), "said": said})
        await asyncio.sleep(0.05)


async def _call(http, name, url, bearer, kept) -> str:
    headers = _sidecar() | ({} if kept else {"connection": "close"})
    if name == "token":
        answer = await http.post(url, data=TOKEN, auth=(client_id, secret), headers=headers)
        return "" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"
    answer = await http.post(url, json=CALL, headers=headers | HEADERS | {"authorization": f"Bearer {bearer}"})
    return (
        "" if answer.status_code == 200 and '"result"' in answer.text else f"{answer.status_code} {answer.text[:200]}"
    )


sys.stdout.write(json.dumps(asyncio.run(main())) + "\n")
