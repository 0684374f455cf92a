"""A world in process: an authorization server, a resource, a client, one clock."""

from collections.abc import AsyncGenerator

import httpx2
import pytest

from tests.oauth_client.town import ISSUER, AuthServer, Clock, Resource, Town, World


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    clock, town = Clock(), Town()
    server = AuthServer(clock=clock)
    resource = Resource(server=server)
    town.build(ISSUER, server)
    town.build("https://notes.example", resource)
    async with httpx2.AsyncClient(transport=town) as http:
        yield World(clock=clock, town=town, server=server, resource=resource, http=http)
