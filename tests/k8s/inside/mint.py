"""In an agent's container: tokens by this agent's own secret and through its sidecar, its own or in a caller's name.

Asks for each outright: what the agent itself would never get as far as to ask for is refused by the server, and that is
what is to be seen.

usage: mint.py CLIENT JSON, a list of {"resource": URL, "of": TOKEN or null}; the finding is the list of
{"token": TOKEN} or {"refused": ERROR CODE}
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2

from sidecar.connect import connect

EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}


async def main(client_id: str, wanted: str) -> list[dict[str, str]]:
    """Each in turn."""
    environ, routes = os.environ, json.loads(os.environ["DACA_ROUTES"])
    found: list[dict[str, str]] = []
    async with connect(environ, app_id=client_id, data=Path("/tmp/mint"), routes=routes) as sidecar:
        secret = (await sidecar.secrets.get(f"client-{client_id}"))["secret"]
        async with httpx2.AsyncClient(transport=sidecar.transport, auth=(client_id, secret), timeout=20) as http:
            for one in json.loads(wanted):
                form = {"grant_type": "client_credentials", "resource": one["resource"]}
                form |= {**EXCHANGE, "subject_token": one["of"]} if one["of"] else {}
                answer = (await http.post(f"{environ['DACA_ISSUER']}/token", data=form)).json()
                token = answer.get("access_token")
                found.append({"token": token} if token else {"refused": answer["error"]})
    return found


sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:]))) + "\n")
