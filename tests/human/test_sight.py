"""Every page, as somebody sees it who uses no mouse, no light, a narrow screen, large letters, or a voice."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.human.browser import Visitor
from tests.human.client import McpClient
from tests.human.sight import reachable, sticks_out, tab_stops, too_faint, too_small, unlabelled
from tests.human.town import Town

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("human")]

LONG = "Inkwell-" + "x" * 60 + ", an editor with a very long name indeed"
Reach = Callable[[Visitor, McpClient, Town], Awaitable[None]]


async def _sign_in(person: Visitor, client: McpClient, town: Town) -> None:
    await client.register()
    await person.page.goto(client.authorization_url("mcp:read", "mcp:write", "mcp:delete"))


async def _wrong(person: Visitor, client: McpClient, town: Town) -> None:
    await _sign_in(person, client, town)
    await person.sign_in("nobody", "nothing")
    await expect(person.page.get_by_role("alert")).to_be_visible()


async def _consent(person: Visitor, client: McpClient, town: Town) -> None:
    await _sign_in(person, client, town)
    await person.sign_in(town.place.user, town.place.password)
    await person.sees(f"Allow {client.name}?")


async def _account(person: Visitor, client: McpClient, town: Town) -> None:
    await _consent(person, client, town)
    await person.decide("Allow")
    await client.redeem()
    await person.page.goto(f"{town.place.issuer}/account")


async def _refused(person: Visitor, client: McpClient, town: Town) -> None:
    await person.page.goto(f"{town.place.issuer}/authorize?client_id=nobody")


PAGES = [_sign_in, _wrong, _consent, _account, _refused]


@pytest.fixture(params=PAGES, ids=lambda reach: reach.__name__.strip("_"))
async def page_of(request: pytest.FixtureRequest, person: Visitor, client: McpClient, running_town: Town) -> Visitor:
    """A person in front of one of the pages, sent there by a client with a name that is hard to fit in."""
    client.name = LONG
    reach: Reach = request.param
    await reach(person, client, running_town)
    return person


async def test_every_page_can_be_used_by_keyboard_eye_and_voice(page_of: Visitor) -> None:
    page = page_of.page
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.get_by_role("main").count() == 1
    assert await page.get_by_role("heading", level=1).count() == 1
    assert await unlabelled(page) == []
    assert await too_small(page) == []

    stops = await tab_stops(page)
    assert [stop.what for stop in stops] == await reachable(page)
    assert [stop for stop in stops if stop.ring < 2 or not stop.seen] == []

    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        if stops:
            await page.locator("button, a").first.focus()
            await page.keyboard.press("Shift+Tab")
            await page.keyboard.press("Tab")
        assert await too_faint(page) == [], scheme
    assert page_of.complaints == []


async def test_no_page_is_scrolled_sideways_at_any_width_or_with_letters_twice_as_large(page_of: Visitor) -> None:
    page = page_of.page
    for width in (320, 768, 1920):
        await page.set_viewport_size({"width": width, "height": 640})
        for letters in ("100%", "200%"):
            await page.evaluate("(size) => { document.documentElement.style.fontSize = size }", letters)
            assert not await sticks_out(page), f"{width} px, letters at {letters}"


async def test_the_pages_have_names_that_a_screen_reader_says(
    person: Visitor, client: McpClient, running_town: Town
) -> None:
    await _wrong(person, client, running_town)
    told = await person.page.get_by_role("main").aria_snapshot()
    for line in ('heading "Sign in" [level=1]', "alert: Name or password is wrong.", 'textbox "Name"'):
        assert line in told
    described = await person.page.get_by_label("Password").get_attribute("aria-describedby")
    assert described
    assert await person.page.locator(f"#{described}").inner_text() == "Name or password is wrong."

    await person.sign_in(running_town.place.user, running_town.place.password)
    await person.sees(f"Allow {client.name}?")
    told = await person.page.get_by_role("main").aria_snapshot()
    for line in (
        f'heading "Allow {client.name}?" [level=1]',
        'group "It wants to"',
        'checkbox "Read and search notes mcp:read" [checked]',
        'button "Allow"',
        'button "Deny"',
    ):
        assert line in told


async def test_the_keyboard_alone_signs_in_strikes_a_scope_and_allows(
    person: Visitor, client: McpClient, running_town: Town
) -> None:
    await _sign_in(person, client, running_town)
    keys = person.page.keyboard
    await expect(person.page.get_by_label("Name")).to_be_focused()  # by itself, once the page is drawn
    await keys.type(running_town.place.user)
    await keys.press("Tab")
    await keys.type(running_town.place.password)
    await keys.press("Enter")
    await person.page.wait_for_url("**/consent?**")
    for key in ("Tab", "Tab", "Space", "Tab", "Space", "Tab", "Tab", "Enter"):
        await keys.press(key)

    assert (await client.redeem())["scope"] == "mcp:read"


async def test_what_a_page_should_not_do_is_seen_when_it_does(person: Visitor, running_town: Town) -> None:
    """The watch itself, held against a page that breaks its policy."""
    await person.page.goto(f"{running_town.place.issuer}/sign-in")
    assert person.complaints == []

    await person.page.evaluate("document.body.append(Object.assign(document.createElement('img'), {src: '/x.png'}))")
    await person.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))")
    await person.page.evaluate("console.log('hello')")

    told = " ".join(person.complaints)
    assert "img-src" in told
    assert "script-src" in told
    assert "log: hello" in told


async def test_no_page_can_be_framed_by_another_site(person: Visitor, running_town: Town, client: McpClient) -> None:
    await person.page.goto(client.listener.origin)
    await person.page.evaluate(
        "(src) => document.body.append(Object.assign(document.createElement('iframe'), {src}))",
        f"{running_town.place.issuer}/sign-in",
    )
    await person.page.wait_for_event("console", predicate=lambda said: "frame-ancestors" in said.text)
