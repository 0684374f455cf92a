"""What the conformance suite starts: a person's client on `oauth_client`, whose browser follows every redirect.

The suite's own authorization server asks nobody, so a plain GET stands for the person.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import httpx2

from cli.mcp_session import open_session
from oauth_client import Browser, ClientSecret, FileVault, PersonTokens, TokenAuth

DOCUMENT = "https://conformance-test.local/client-metadata.json"
SCENARIO = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
PROTOCOL = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "2025-11-25")


async def visit(url: str) -> None:
    async with httpx2.AsyncClient(follow_redirects=True) as browser:
        await browser.get(url)


def client() -> ClientSecret | None:
    """The credentials that the scenario hands over, if any."""
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    if "client_id" not in context:
        return None
    return ClientSecret(context["client_id"], context["client_secret"])


async def main(url: str, folder: Path) -> None:
    async with (
        PersonTokens(
            vault=FileVault(folder), browser=Browser(open=visit, seconds=5), client=client(), document=DOCUMENT
        ) as tokens,
        httpx2.AsyncClient(auth=TokenAuth(tokens, resource=url, on_failure="answer")) as http,
        open_session(url, http, PROTOCOL) as session,
    ):
        for tool in await session.tools():
            await session.call(tool.name, {})


with tempfile.TemporaryDirectory() as kept:
    asyncio.run(main(sys.argv[-1], Path(kept)))
