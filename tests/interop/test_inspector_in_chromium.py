"""The MCP Inspector's web page in a real Chromium: a person connects, signs in, allows and runs a tool."""

import re

import pytest
from playwright.async_api import expect

from tests.human.browser import chromium, visitor
from tests.interop.program import INSPECTOR, Desk
from tests.ports import free_port

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node"), pytest.mark.needs("chromium")]
PATIENCE = 60_000  # milliseconds


@pytest.mark.requirement("AS-12", "AS-23")
@pytest.mark.parametrize(("era", "protocol"), [("legacy", "MCP 2025-11-25"), ("modern", "MCP 2026-07-28")])
async def test_a_person_at_the_inspectors_page_signs_in_and_runs_a_tool(era: str, protocol: str, desk: Desk) -> None:
    place, key, port = desk.town.place, "k" * 32, str(free_port())
    environ = {
        "MCP_STORAGE_DIR": str(desk.home),
        "MCP_INSPECTOR_SECRET_STORE": "file",
        "MCP_INSPECTOR_API_TOKEN": key,
        "MCP_AUTO_OPEN_ENABLED": "false",
        "CLIENT_PORT": port,
        "MCP_SANDBOX_PORT": str(free_port()),
        "MCP_APP_ORIGIN_PORT": str(free_port()),
    }
    server = ["--web", "--server-url", place.resource, "--transport", "http", "--protocol-era", era]
    with desk.start(INSPECTOR, *server, **environ) as running:
        while "up and running" not in running.hear():
            pass
        async with chromium() as browser, visitor(browser) as person:
            page = person.page
            page.set_default_timeout(PATIENCE)
            await page.goto(f"http://127.0.0.1:{port}?MCP_INSPECTOR_API_TOKEN={key}")
            await page.get_by_role("switch", name=re.compile("Connect")).click(force=True)
            await person.sign_in(place.user, place.password)
            await expect(page.get_by_role("heading", name="Allow MCP Inspector?")).to_be_visible(timeout=PATIENCE)
            await expect(page.get_by_text(f"127.0.0.1:{port}", exact=True)).to_be_visible()
            await page.get_by_role("button", name="Allow").click()
            await expect(page.get_by_text(protocol).first).to_be_visible(timeout=PATIENCE)
            await page.get_by_text("Tools", exact=True).first.click()
            await page.get_by_role("button", name=re.compile("list_notes")).click()
            result = page.get_by_text(re.compile(r'"total":\s*\d'))
            await expect(result).to_have_count(0)
            await page.get_by_role("button", name="Execute Tool").click()
            await expect(result.first).to_be_visible(timeout=PATIENCE)
