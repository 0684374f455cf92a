"""Two authorization servers over one store: a person's way leads over both, and neither has to remember the other."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import expect

from sidecar.components import Access
from tests.human.browser import Visitor
from tests.human.client import McpClient
from tests.human.listener import Listener
from tests.human.town import PASSWORD, USER, environment, furnish, process
from tests.ports import free_port
from tests.sidecar.conftest import Sidecars, start_redis

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


ACCESS = Access(
    apis=("secrets", "state"), secrets=("auth-server-kek", "client-operator", "client-researcher", "user-ada")
)
STORES = [
    "embedded",
    pytest.param("sqlite", marks=pytest.mark.needs("daprd")),
    pytest.param("redis", marks=pytest.mark.needs("daprd", "redis")),
]


@pytest.fixture(scope="module", params=STORES)
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    furnish(folder, NOTES)
    issuer, port = f"http://localhost:{free_port()}", free_port()
    with ExitStack() as stack:
        beside = _sidecars(stack, folder, request.param)
        for name, where in (("one", environment(folder, issuer)), ("other", environment(folder, issuer, port=port))):
            stack.enter_context(process(("auth_server",), {**where, **beside()}, folder / f"log-{name}"))
        yield Replicas(one=issuer, other=f"http://localhost:{port}")


def _sidecars(stack: ExitStack, folder: Path, store: str) -> Callable[[], dict[str, str]]:
    """What tells each replica of a sidecar of its own; all of them over one store. Embedded ones have none."""
    if store == "embedded":
        return dict
    values: dict[str, str] = {}
    if store == "redis":
        server = start_redis(folder)
        stack.callback(server.process.wait)
        stack.callback(server.process.terminate)
        values = {"redis_host": f"127.0.0.1:{server.port}", "redis_password": ""}
    all_of_them = Sidecars(folder=folder, stack=stack)

    def start() -> dict[str, str]:
        spec = all_of_them.start("auth-server", access=ACCESS, store=store, values=values).spec
        told = {"DAPR_HTTP_PORT": str(spec.http_port), "DAPR_API_TOKEN": spec.api_token}
        return {**told, "DACA_REQUIRE_SIDECAR": "1"}

    return start


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
    disconnect = page.get_by_role("button", name=f"Disconnect {client.name}")
    await expect(disconnect).to_have_count(1)
    await disconnect.click()
    await expect(disconnect).to_have_count(0)

    answer = await client.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
