"""The human path from end to end, in a real browser, at whatever addresses it is told: here, or in a cluster.

async with chromium() as browser, listening() as listener, httpx2.AsyncClient() as http:
    await human_path(browser, http, listener, Place(resource=..., user=..., password=...))
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
from playwright.async_api import Browser, Page, expect

from tests.human.browser import Visitor, visitor
from tests.human.client import McpClient, challenge_of, result_of
from tests.human.listener import Listener

Look = Callable[[Page, str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the story happens: an MCP server with the tools of `notes`, and a person of its authorization server."""

    issuer: str
    resource: str
    user: str
    password: str = field(repr=False)


async def no_look(_page: Page, _name: str) -> None:
    """Nobody takes pictures."""


async def human_path(
    browser: Browser, http: httpx2.AsyncClient, listener: Listener, place: Place, look: Look = no_look
) -> None:
    """A client that nobody knows registers; a person signs in, refuses, allows less, allows more, and takes it back."""
    client = McpClient(resource=place.resource, http=http, listener=listener)
    await client.discover()
    assert client.metadata["issuer"] == place.issuer
    await client.register()
    async with visitor(browser) as person:
        await signed_in(person, client, place, look)
        await refused(person, client)
        tokens = await allowed_less(person, client, look)
        tokens = await stepped_up(person, client, tokens, known=False, look=look)
        tokens = await refreshed(client, tokens)
        await taken_back(person, client, tokens, place, look)
        await signed_out(person, place)
        assert person.complaints == []


async def signed_in(person: Visitor, client: McpClient, place: Place, look: Look = no_look) -> None:
    """To the consent page, past a wrong password."""
    page = person.page
    await page.goto(client.authorization_url("mcp:read", "mcp:write"))
    await person.sees("Sign in")
    await look(page, "sign-in")
    await person.sign_in(place.user, "not the password")
    await expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    await look(page, "sign-in-wrong")
    await person.sign_in(place.user, place.password)
    await person.sees(f"Allow {client.name}?")
    await look(page, "consent")


async def refused(person: Visitor, client: McpClient) -> None:
    """The client hears of it, and gets nothing."""
    await person.decide("Deny")
    told, _ = await client.came_back()
    assert told["error"] == "access_denied"
    assert "code" not in told


async def allowed_less(person: Visitor, client: McpClient, look: Look = no_look) -> dict[str, Any]:
    """Two scopes are asked for, one is given: the token reads at the real server, and does not write."""
    await person.page.goto(client.authorization_url("mcp:read", "mcp:write"))
    assert await person.scopes() == ["mcp:read", "mcp:write"]
    await person.strike("mcp:write")
    await look(person.page, "consent-fewer")
    await person.decide("Allow")
    tokens = await client.redeem()
    assert tokens["scope"] == "mcp:read"
    assert "notes" in result_of(await client.call("list_notes", tokens["access_token"]))["structuredContent"]
    return tokens


async def stepped_up(
    person: Visitor, client: McpClient, tokens: dict[str, Any], *, known: bool, look: Look = no_look
) -> dict[str, Any]:
    """The door says what is missing, the client asks for the union, the person sees what is new.

    `known`: the client proves itself, so what it was allowed before is not asked again; of others everything is.
    """
    refusal = await client.call("write_note", tokens["access_token"], name="milk", text="Two bottles.")
    assert refusal.status_code == 403
    told = challenge_of(refusal)
    assert told["error"] == "insufficient_scope"
    assert "mcp:write" in told["scope"].split()
    union = dict.fromkeys((*tokens["scope"].split(), *told["scope"].split()))
    await person.page.goto(client.authorization_url(*union))
    assert await person.scopes() == (["mcp:write"] if known else list(union))
    await look(person.page, "step-up-known" if known else "step-up")
    await person.decide("Allow")
    more = await client.redeem()
    assert set(more["scope"].split()) == {"mcp:read", "mcp:write"}
    result_of(await client.call("write_note", more["access_token"], name="milk", text="Two bottles."))
    assert "Two bottles." in str(result_of(await client.call("read_note", more["access_token"], name="milk")))
    return more


async def refreshed(client: McpClient, tokens: dict[str, Any]) -> dict[str, Any]:
    """New tokens for the refresh token, which the server retires."""
    answer = await client.refresh(tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    new = answer.json()
    assert new["refresh_token"] != tokens["refresh_token"]
    assert "milk" in str(result_of(await client.call("list_notes", new["access_token"])))
    return new


async def taken_back(
    person: Visitor, client: McpClient, tokens: dict[str, Any], place: Place, look: Look = no_look
) -> None:
    """Disconnected on the person's own page: the client is gone from it, and its refresh token is worth nothing."""
    page = person.page
    await page.goto(f"{place.issuer}/account")
    await look(page, "account")
    await page.get_by_role("button", name=f"Disconnect {client.name} from").click()
    await expect(page.get_by_role("button", name=f"Disconnect {client.name} from")).to_have_count(0)
    await look(page, "account-empty")
    answer = await client.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def signed_out(person: Visitor, place: Place) -> None:
    """The session is over: the person's page asks who they are."""
    await person.page.get_by_role("button", name="Sign out").click()
    await person.sees("Sign in")
    await person.page.goto(f"{place.issuer}/account")
    await person.sees("Sign in")
