"""The human path in a real Chromium: from a refusal at the door to a token, and back to nothing."""

import httpx2
import pytest
from playwright.async_api import Browser

from tests.human.browser import Visitor, visitor
from tests.human.client import McpClient
from tests.human.listener import Listener
from tests.human.pictures import picture
from tests.human.story import allowed_less, human_path, refreshed, refused, signed_in, stepped_up, taken_back
from tests.human.town import Town

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("human")]


@pytest.mark.requirement("AS-12", "AS-22", "AS-26", "AS-36")
async def test_an_unknown_client_registers_and_a_person_walks_the_whole_path(
    running_town: Town, browser: Browser, http: httpx2.AsyncClient, listener: Listener
) -> None:
    await human_path(browser, http, listener, running_town.place, picture)


@pytest.mark.requirement("AS-07", "AS-08", "AS-22")
async def test_a_client_known_by_its_document_is_asked_only_for_what_is_new_and_ends_when_disconnected(
    running_town: Town, client: McpClient, person: Visitor
) -> None:
    client.name = "Quill, an editor with a key"
    client.publish()

    await signed_in(person, client, running_town.place)
    tokens = await allowed_less(person, client)
    tokens = await stepped_up(person, client, tokens, known=True, look=picture)
    tokens = await refreshed(client, tokens)
    assert await active(running_town, client, tokens["access_token"])
    await taken_back(person, client, tokens, running_town.place)

    assert not await active(running_town, client, tokens["access_token"])
    assert person.complaints == []


async def test_without_scripts_everything_works_all_the_same(
    running_town: Town, client: McpClient, browser: Browser
) -> None:
    await client.register()
    async with visitor(browser, scripts=False) as person:
        await signed_in(person, client, running_town.place)
        await refused(person, client)
        tokens = await allowed_less(person, client)
        assert await person.page.locator("script").count() == 0
        await taken_back(person, client, tokens, running_town.place)

        assert person.complaints == []


@pytest.mark.requirement("AS-21")
async def test_a_redirect_uri_that_is_not_the_clients_ends_on_a_page_of_ours(
    running_town: Town, client: McpClient, person: Visitor
) -> None:
    await client.register()

    await person.page.goto(client.authorization_url("mcp:read", redirect_uri="http://127.0.0.1/elsewhere"))

    await person.sees("This cannot go on")
    assert person.page.url.startswith(running_town.place.issuer)
    await picture(person.page, "refused")
    assert person.complaints == []


async def test_chromium_keeps_the_host_cookie_of_a_plain_http_localhost_and_no_script_can_read_it(
    running_town: Town, client: McpClient, person: Visitor
) -> None:
    await client.register()
    await signed_in(person, client, running_town.place)

    kept = {cookie.get("name"): cookie for cookie in await person.page.context.cookies()}
    ours = kept["__Host-daca"]
    told = ours.get("secure"), ours.get("httpOnly"), ours.get("sameSite"), ours.get("path"), ours.get("domain")
    assert told == (True, True, "Lax", "/", "localhost")
    assert await person.page.evaluate("document.cookie") == ""


async def active(town: Town, client: McpClient, token: str) -> bool:
    """Whether the authorization server still stands by a token."""
    answer = await client.http.post(
        client.metadata["introspection_endpoint"], data={"token": token}, auth=httpx2.BasicAuth(*town.operator)
    )
    return answer.json()["active"]
