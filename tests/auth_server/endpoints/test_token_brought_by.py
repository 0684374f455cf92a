"""A workload's token that counts only from its own app's sidecar: copied, it is worth nothing to anybody else."""

from collections.abc import AsyncGenerator

import httpx2
import pytest

from sidecar.callers import Callers
from tests.auth_server.endpoints.test_token_assertion import Cluster
from tests.auth_server.world import IDENTITY, JWT_BEARER, KUBERNETES_KEY, Server, World, error, signed, workload

REFUSED = (401, "invalid_client")
SUBJECT = '"system:serviceaccount:daca:scribe"'
OWN = {"dapr-api-token": "sesame", "dapr-caller-app-id": "scribe", "dapr-caller-namespace": "daca"}


@pytest.fixture
def cluster(world: World) -> Cluster:
    world.http = cluster = Cluster()
    return cluster


@pytest.fixture
async def server(world: World, cluster: Cluster) -> AsyncGenerator[Server]:
    world.callers = Callers("sesame")
    world.write_identity(IDENTITY.replace(SUBJECT, f"{SUBJECT}, brought_by: scribe.daca"), replay="allow")
    async with world.server() as server:
        yield server


async def _ask(server: Server, assertion: str, headers: dict[str, str]) -> httpx2.Response:
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return await server.http.post("/token", data=form, headers=headers)


@pytest.mark.requirement("AS-45")
async def test_its_own_sidecar_may_bring_it_again_and_again(server: Server) -> None:
    assertion = signed(workload(), KUBERNETES_KEY)
    assert [(await _ask(server, assertion, OWN)).status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**OWN, "dapr-api-token": "guessed"},
        {**OWN, "dapr-caller-app-id": "notes"},
        {**OWN, "dapr-caller-namespace": "elsewhere"},
        {"dapr-caller-app-id": "scribe", "dapr-caller-namespace": "daca"},
    ],
)
async def test_nobody_else_can_use_it_not_even_first(server: Server, cluster: Cluster, headers: dict[str, str]) -> None:
    assertion = signed(workload(), KUBERNETES_KEY)
    assert error(await _ask(server, assertion, headers)) == REFUSED
    assert not cluster.asked
    assert (await _ask(server, assertion, OWN)).status_code == 200
    assert error(await _ask(server, assertion, headers)) == REFUSED


@pytest.mark.requirement("AS-45")
async def test_the_sidecar_proves_nothing_by_itself(server: Server) -> None:
    other = signed(workload(sub="system:serviceaccount:daca:other"), KUBERNETES_KEY)
    assert error(await _ask(server, other, OWN)) == REFUSED
    form = {"grant_type": "client_credentials", "client_id": "scribe"}
    assert error(await server.http.post("/token", data=form, headers=OWN)) == REFUSED


async def test_a_server_without_a_sidecar_believes_nobody(world: World, cluster: Cluster, server: Server) -> None:
    world.callers = Callers()
    async with world.server() as alone:
        assert error(await _ask(alone, signed(workload(), KUBERNETES_KEY), {**OWN, "dapr-api-token": ""})) == REFUSED
