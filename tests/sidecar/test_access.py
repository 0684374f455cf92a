"""What an app may ask of its sidecar, and that nobody else may ask anything: on real sidecars."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx2
import pytest

from sidecar.components import APIS, Access
from sidecar.dapr_http import Address, client_of
from sidecar.dapr_secrets import DaprSecrets
from sidecar.dapr_state import DaprState
from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.state import StateUnavailable

if TYPE_CHECKING:
    from tests.sidecar.conftest import RunningDaprd, Sidecars

pytestmark = pytest.mark.needs("daprd")

LISTENING: Final = "0A"
LOOPBACK: Final = {"0100007F", "00000000000000000000000001000000"}


@pytest.fixture(scope="module")
def agent(sidecars: "Sidecars") -> "RunningDaprd":
    return sidecars.start("researcher", access=Access(apis=APIS["agent"], secrets=("client-researcher",)))


@pytest.fixture(scope="module")
def mcp_server(sidecars: "Sidecars") -> "RunningDaprd":
    return sidecars.start("notes", access=Access(apis=APIS["mcp"]))


async def test_an_app_reads_its_own_secret(agent: "RunningDaprd") -> None:
    async with client_of(agent.address) as http:
        assert await DaprSecrets(http).get("client-researcher") == {"secret": "r1"}


async def test_an_app_may_not_read_the_secret_of_another(agent: "RunningDaprd") -> None:
    async with client_of(agent.address) as http:
        assert (await http.get("/v1.0/secrets/secretstore/auth-server-kek")).status_code == 403
        with pytest.raises(SecretMissing, match="may not read secret 'auth-server-kek'"):
            await DaprSecrets(http).get("auth-server-kek")


async def test_all_secrets_at_once_are_only_those_allowed(agent: "RunningDaprd") -> None:
    async with client_of(agent.address) as http:
        assert (await http.get("/v1.0/secrets/secretstore/bulk")).json() == {"client-researcher": {"secret": "r1"}}


async def test_an_allowed_secret_that_nobody_made_is_missing(sidecars: "Sidecars") -> None:
    running = sidecars.start("auth-server", access=Access(apis=("secrets",), secrets=("client-nobody",)))
    async with client_of(running.address) as http:
        with pytest.raises(SecretMissing, match="'client-nobody' is not in secretstore"):
            await DaprSecrets(http).get("client-nobody")


async def test_an_empty_secret_is_as_good_as_none(sidecars: "Sidecars") -> None:
    running = sidecars.start("auth-server", access=Access(apis=("secrets",), secrets=("client-empty",)))
    async with client_of(running.address) as http:
        with pytest.raises(SecretMissing, match="'client-empty' is empty"):
            await DaprSecrets(http).get("client-empty")


async def test_an_app_with_no_secrets_api_gets_none(mcp_server: "RunningDaprd") -> None:
    async with client_of(mcp_server.address) as http:
        with pytest.raises(SecretMissing):
            await DaprSecrets(http).get("client-researcher")


async def test_the_state_api_is_not_there_for_an_app_that_may_not_use_it(sidecars: "Sidecars") -> None:
    running = sidecars.start("auth-server", access=Access(apis=("secrets",)))
    async with client_of(running.address) as http:
        with pytest.raises(StateUnavailable, match="404"):
            await DaprState(http).get("a")
        with pytest.raises(StateUnavailable, match="404"):
            await DaprState(http).insert("a", 1)


@pytest.mark.parametrize("path", ["metadata", "shutdown", "invoke/notes/method/mcp", "publish/events/a", "actors/a/b"])
async def test_apis_that_were_not_named_are_not_there(sidecars: "Sidecars", path: str) -> None:
    running = sidecars.start("auth-server", access=Access(apis=("secrets",)))
    async with client_of(running.address) as http:
        for method in ("GET", "POST"):
            assert (await http.request(method, f"/v1.0/{path}")).status_code in {404, 405}


@pytest.mark.parametrize("path", ["state/statestore/a", "secrets/secretstore/client-researcher", "invoke/a/method/b"])
@pytest.mark.parametrize("token", ["", "wrong"])
async def test_without_the_api_token_there_is_nothing(agent: "RunningDaprd", path: str, token: str) -> None:
    async with client_of(Address(url=agent.address.url, token=token)) as http:
        assert (await http.get(f"/v1.0/{path}")).status_code == 401
        with pytest.raises(SecretsUnavailable, match="401"):
            await DaprSecrets(http).get("client-researcher")


async def test_an_url_as_app_id_is_no_way_past_the_token(agent: "RunningDaprd") -> None:
    async with httpx2.AsyncClient(base_url=agent.address.url) as http:
        answer = await http.get("/latest", headers={"dapr-app-id": "http://169.254.169.254"})
    assert answer.status_code == 401


async def test_apps_do_not_see_the_state_of_one_another(agent: "RunningDaprd", mcp_server: "RunningDaprd") -> None:
    async with client_of(agent.address) as one, client_of(mcp_server.address) as two:
        await DaprState(one).put("shared-name", "agent")
        assert await DaprState(two).get("shared-name") is None


async def test_a_sidecar_that_is_gone_is_an_outage_of_secrets(unused_port: int) -> None:
    async with client_of(Address(url=f"http://127.0.0.1:{unused_port}", token="x")) as http:
        with pytest.raises(SecretsUnavailable, match="ConnectError"):
            await DaprSecrets(http).get("client-researcher")


def _listening(pid: int) -> set[str]:
    """Local addresses of all listening TCP sockets of a process, in the kernel's hexadecimal."""
    held = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in held:
                found.add(fields[1])
    return found


def test_a_sidecar_listens_on_loopback_only(agent: "RunningDaprd") -> None:
    listening = _listening(agent.process.pid)
    spec = agent.spec
    ports = {int(address.split(":")[1], 16) for address in listening}
    assert ports == {spec.http_port, spec.grpc_port, spec.internal_port, spec.metrics_port}
    assert {address.split(":")[0] for address in listening} <= LOOPBACK


def test_no_token_is_on_the_command_line_or_in_the_log(agent: "RunningDaprd") -> None:
    said = Path(f"/proc/{agent.process.pid}/cmdline").read_text() + agent.log.read_text() + repr(agent.spec)
    for token in (agent.spec.api_token, agent.spec.app_token):
        assert token not in said


def test_the_listening_check_sees_a_socket_open_to_all() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = f"{server.getsockname()[1]:04X}"
        assert f"00000000:{port}" in _listening(os.getpid())
