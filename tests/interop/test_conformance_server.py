"""The MCP conformance suite's scenarios for servers that concern the door, against the notes behind it."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from tests.human.town import Town, port_of
from tests.interop.bearer import with_token

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node")]
SUITE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
# What else it has needs a server made for it (tools like test_missing_capability), or is no matter of the door.
SCENARIOS = [
    ("server-initialize", "2025-06-18"),
    ("server-initialize", "2025-11-25"),
    ("tools-list", "2025-06-18"),
    ("tools-list", "2025-11-25"),
    ("tools-list", "2026-07-28"),
    ("dns-rebinding-protection", "2025-11-25"),
    ("dns-rebinding-protection", "2026-07-28"),
    ("http-header-validation", "2026-07-28"),
    ("caching", "2026-07-28"),
]


@pytest.mark.requirement("RS-30")
@pytest.mark.parametrize(("scenario", "revision"), SCENARIOS)
async def test_the_conformance_suite_accepts_the_notes_behind_their_door(
    scenario: str, revision: str, running_town: Town, peers: Path, node: str
) -> None:
    place = running_town.place
    asked = {"grant_type": "client_credentials", "resource": place.resource}
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{place.issuer}/token", data=asked, auth=running_town.operator)

    async with with_token(port_of(place.resource), answer.json()["access_token"]) as port:
        url = f"http://localhost:{port}/mcp"
        arguments = ["server", "--url", url, "--scenario", scenario, "--spec-version", revision]
        run = await asyncio.create_subprocess_exec(
            node, str(peers / SUITE), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        report = (await run.communicate())[0].decode()

    assert run.returncode == 0, report
    assert "not applicable" not in report, report
    assert "SUCCESS" in report, report
    assert ", 0 failed, 0 warnings" in report, report
