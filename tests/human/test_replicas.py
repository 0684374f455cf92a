"""Two authorization servers over one store: a person's way leads over both, and neither has to remember the other."""

from collections.abc import Generator
from dataclasses import dataclass

import httpx2
import pytest
from playwright.async_api import expect

from tests.human.browser import Visitor
from tests.human.client import McpClient
from tests.human.listener import Listener
from tests.human.town import PASSWORD, USER, environment, free_port, furnish, process

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("human")]
NOTES = "http://localhost:8000/mcp"


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """Both have one issuer; cookies know no port, so a browser takes its session from one to the other."""

    one: str
    other: str

    def elsewhere(self, url: str) -> str:
        """The same URL at the other replica."""
        return url.replace(self.one, self.other, 1)


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    furnish(folder, NOTES)
    issuer, port = f"http://localhost:{free_port()}", free_port()
    with (
        process(("auth_server",), environment(folder, issuer), folder / "log-one"),
        process(("auth_server",), environment(folder, issuer, port=port), folder / "log-other"),
    ):
        yield Replicas(one=issuer, other=f"http://localhost:{port}")


@pytest.fixture
async def client(replicas: Replicas, http: httpx2.AsyncClient, listener: Listener) -> McpClient:  # pyright: ignore[reportUnusedFunction]
    found = McpClient(resource=NOTES, http=http, listener=listener)
    found.metadata = (await http.get(f"{replicas.one}/.well-known/oauth-authorization-server")).json()
    await found.register()
    return found


@pytest.mark.parametrize("redeemed_elsewhere", [False, True], ids=["code-here", "code-there"])
async def test_sign_in_at_one_replica_consent_at_the_other_and_redeem_at_either(
    replicas: Replicas, client: McpClient, person: Visitor, *, redeemed_elsewhere: bool
) -> None:
    page = person.page
    await page.goto(client.authorization_url("mcp:read"))
    await person.sign_in(USER, PASSWORD)
    await person.sees(f"Allow {client.name}?")
    assert page.url.startswith(replicas.one)

    await page.goto(replicas.elsewhere(page.url))
    await person.sees(f"Allow {client.name}?")
    assert page.url.startswith(replicas.other)
    await person.decide("Allow")

    ours, theirs = client.metadata["token_endpoint"], replicas.elsewhere(client.metadata["token_endpoint"])
    client.metadata["token_endpoint"] = theirs if redeemed_elsewhere else ours
    tokens = await client.redeem()
    client.metadata["token_endpoint"] = ours if redeemed_elsewhere else theirs
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200


async def test_what_is_taken_back_at_one_replica_is_worth_nothing_at_the_other(
    replicas: Replicas, client: McpClient, person: Visitor
) -> None:
    page = person.page
    await page.goto(client.authorization_url("mcp:read"))
    await person.sign_in(USER, PASSWORD)
    await person.sees(f"Allow {client.name}?")
    await person.decide("Allow")
    tokens = await client.redeem()

    await page.goto(f"{replicas.other}/account")
    while await page.get_by_role("button", name=f"Disconnect {client.name}").count():
        await page.get_by_role("button", name=f"Disconnect {client.name}").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your access")

    answer = await client.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
