"""One town for all tests of this folder, a real browser and a client for each."""

from collections.abc import AsyncGenerator, Generator

import httpx2
import pytest
from playwright.async_api import Browser

from tests.human.browser import Visitor, chromium, visitor
from tests.human.client import McpClient
from tests.human.listener import Listener, listening
from tests.human.town import Town, town


@pytest.fixture(scope="session")
def running_town(tmp_path_factory: pytest.TempPathFactory) -> Generator[Town]:
    with town(tmp_path_factory.mktemp("town")) as found:
        yield found


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture
async def person(browser: Browser) -> AsyncGenerator[Visitor]:
    async with visitor(browser) as found:
        yield found


@pytest.fixture
async def http() -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as found:
        yield found


@pytest.fixture
async def listener() -> AsyncGenerator[Listener]:
    async with listening() as found:
        yield found


@pytest.fixture
async def client(running_town: Town, http: httpx2.AsyncClient, listener: Listener) -> McpClient:
    """A client that has found the authorization server, and is not known there."""
    found = McpClient(resource=running_town.place.resource, http=http, listener=listener)
    await found.discover()
    return found
