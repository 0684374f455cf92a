"""A fixed number of calls, several at once, each on a connection that is kept: how long they took, and how many failed.

usage: load.py CALLS AT_ONCE CLIENT SECRET token|list URL TOKEN_URL
"""

import asyncio
import json
import sys
import time

import httpx2

FORM = {"grant_type": "client_credentials", "resource": "http://localhost:8000/mcp"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_notes", "arguments": {}, "_meta": {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {}}}}  # fmt: skip
HEADERS = {
    "host": "localhost:8000", "accept": "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call", "mcp-name": "list_notes",
}  # fmt: skip


async def main(calls: str, at_once: str, *call: str) -> None:
    """Make the calls."""
    client_id, secret, name, url, token_url = call
    left = iter(range(int(calls)))
    took: list[float] = []
    failed: list[str] = []

    async def caller() -> None:
        # One client each: one connection each, so that the Service spreads them over its replicas.
        async with httpx2.AsyncClient(timeout=30) as http:
            answer = await http.post(token_url, data=FORM, auth=(client_id, secret))
            bearer = {"authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
            for _ in left:
                began = time.perf_counter()
                if name == "token":
                    answer = await http.post(url, data=FORM, auth=(client_id, secret))
                else:
                    answer = await http.post(url, json=CALL, headers=HEADERS | bearer)
                took.append(time.perf_counter() - began)
                if answer.status_code != 200:
                    failed.append(f"{answer.status_code} {answer.text[:200]}")

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(int(at_once))))
    seconds = time.perf_counter() - began
    took.sort()
    found = {
        "calls": len(took), "seconds": round(seconds, 2), "per_second": round(len(took) / seconds),
        "p50_ms": round(1000 * took[len(took) // 2], 1), "p99_ms": round(1000 * took[len(took) * 99 // 100], 1),
        "failed": len(failed), "failures": failed[:3],
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


asyncio.run(main(*sys.argv[1:]))
