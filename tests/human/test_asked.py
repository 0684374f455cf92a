"""An agent asks a person, who decides in a real browser: once, for an hour, no; with keys, narrow, and in the dark."""

import httpx2
import pytest
from playwright.async_api import expect

from tests.human.browser import Visitor
from tests.human.pictures import NARROW, picture
from tests.human.sight import reachable, sticks_out, tab_stops, too_faint, too_small, unlabelled
from tests.human.town import Town

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("human")]

CIBA = "urn:openid:params:grant-type:ciba"
WHY = "You told me to delete the note 'Plan'"


async def ask(town: Town, http: httpx2.AsyncClient) -> httpx2.Response:
    form = {"scope": "mcp:read mcp:delete", "resource": town.place.resource, "login_hint": "u-ada"}
    asked = {**form, "binding_message": WHY}
    return await http.post(f"{town.place.issuer}/bc-authorize", data=asked, auth=httpx2.BasicAuth(*town.scribe))


async def poll(town: Town, http: httpx2.AsyncClient, asked: httpx2.Response) -> httpx2.Response:
    assert asked.status_code == 200, asked.text
    form = {"grant_type": CIBA, "auth_req_id": asked.json()["auth_req_id"]}
    return await http.post(f"{town.place.issuer}/token", data=form, auth=httpx2.BasicAuth(*town.scribe))


async def test_a_person_allows_once_for_an_hour_and_refuses_and_nobody_floods_them(
    running_town: Town, http: httpx2.AsyncClient, person: Visitor
) -> None:
    town, page = running_town, person.page
    waiting = [await ask(town, http) for _ in range(3)]
    assert (await ask(town, http)).status_code == 429

    await page.goto(waiting[0].json()["verification_uri"])
    await person.sees("Sign in")
    await person.sign_in(town.place.user, town.place.password)
    await person.sees("What you are asked for")
    await expect(page.locator("q").first).to_have_text(WHY)
    await seen(person)

    for button, told in (("Allow once", "one token"), ("Refuse", "Refused."), ("Allow for an hour", "for an hour")):
        await page.get_by_role("button", name=button, exact=True).first.click()
        await expect(page.get_by_role("status")).to_contain_text(told)
    await expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    answers = [await poll(town, http, one) for one in waiting]
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert answers[1].json()["error"] == "access_denied"

    await page.goto(f"{town.place.issuer}/account")
    await expect(page.get_by_text("you allowed it for an hour")).to_be_visible()
    await page.get_by_role("button", name="Disconnect Scribe, an agent that writes from notes").click()
    await expect(page.get_by_text("you allowed it")).to_have_count(0)
    assert (await poll(town, http, await ask(town, http))).json()["error"] == "authorization_pending"
    assert person.complaints == []


async def seen(person: Visitor) -> None:
    """By keys alone, in either light, and at 320 pixels."""
    page = person.page
    await picture(page, "requests")
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert await too_faint(page) == []
    assert [stop.what for stop in await tab_stops(page)] == await reachable(page)
    assert (await unlabelled(page), await too_small(page)) == ([], [])
    await page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    assert not await sticks_out(page)
