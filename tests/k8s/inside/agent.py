"""In an agent's container: a token for a resource, by this pod's own proof and through its sidecar, and a tool call.

usage: agent.py CLIENT RESOURCE TOOL ARGUMENTS
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from oauth_client import ClientSecret, OAuthClientError, TokenAuth, Tokens, WorkloadToken
from sidecar.connect import connect


async def main(client_id: str, resource: str, tool: str, arguments: str) -> dict[str, object]:
    """What came of it."""
    environ, routes = os.environ, json.loads(os.environ["DACA_ROUTES"])
    async with connect(environ, app_id=client_id, data=Path("/tmp/agent"), routes=routes) as sidecar:
        if "DACA_WORKLOAD_TOKEN_FILE" in environ:
            proof = WorkloadToken(client_id, Path(environ["DACA_WORKLOAD_TOKEN_FILE"]))
        else:
            secret = (await sidecar.secrets.get(f"client-{client_id}"))["secret"]
            proof = ClientSecret(client_id, secret=secret, method="client_secret_basic")
        http = httpx2.AsyncClient(transport=sidecar.transport, timeout=20)
        tokens = Tokens(credentials=proof, http=http, issuer=environ["DACA_ISSUER"])
        try:
            token = await tokens.fetch(resource)
        except OAuthClientError as refusal:
            return {"refused": f"{type(refusal).__name__}: {refusal}"}
        auth = TokenAuth(tokens, resource=resource)
        guarded = httpx2.AsyncClient(transport=sidecar.transport, auth=auth, timeout=20)
        async with Client(streamable_http_client(resource, http_client=guarded)) as session:
            result = await session.call_tool(tool, json.loads(arguments))
        text = [part.text for part in result.content if part.type == "text"]
        return {"scopes": sorted(token.scopes), "error": bool(result.is_error), "said": " ".join(text)}


sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:]))) + "\n")
