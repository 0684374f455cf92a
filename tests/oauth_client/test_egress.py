import httpx2
import pytest

from oauth_client import AddressRefused, GuardedTransport
from oauth_client.egress import resolve_here


class _Inner(httpx2.AsyncBaseTransport):
    def __init__(self) -> None:
        self.seen: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return httpx2.Response(200)


async def _get(url: str, *addresses: str, allow_private: bool = False) -> httpx2.Request:
    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("as.example", 443)
        return list(addresses)

    inner = _Inner()
    transport = GuardedTransport(inner, allow_private=allow_private, resolve=resolve)
    async with httpx2.AsyncClient(transport=transport) as client:
        await client.get(url)
    return inner.seen[0]


@pytest.mark.requirement("CL-31")
async def test_a_name_is_connected_to_as_the_address_that_was_judged() -> None:
    request = await _get("https://as.example/x", "93.184.216.34")
    assert request.url == "https://93.184.216.34/x"
    assert request.headers["host"] == "as.example"
    assert request.extensions["sni_hostname"] == "as.example"


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "::1", "169.254.169.254", "fe80::1%eth0", "fd00::1"])
async def test_a_name_that_leads_inside_is_refused_even_beside_a_public_address(address: str) -> None:
    with pytest.raises(AddressRefused):
        await _get("https://as.example/", "93.184.216.34", address)


@pytest.mark.requirement("CL-31")
async def test_a_private_address_may_be_allowed_but_not_a_name_for_this_machine() -> None:
    assert (await _get("https://as.example/", "10.0.0.1", allow_private=True)).url.host == "10.0.0.1"
    with pytest.raises(AddressRefused):
        await _get("https://as.example/", "127.0.0.1", allow_private=True)


async def test_loopback_written_as_such_passes_as_it_is() -> None:
    inner = _Inner()
    async with httpx2.AsyncClient(transport=GuardedTransport(inner)) as client:
        await client.get("http://localhost:9000/x")
    assert inner.seen[0].url == "http://localhost:9000/x"


async def test_a_name_that_does_not_resolve_is_a_connection_error() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError(host, port)

    async with httpx2.AsyncClient(transport=GuardedTransport(_Inner(), resolve=resolve)) as client:
        with pytest.raises(httpx2.ConnectError, match="cannot be resolved"):
            await client.get("https://as.example/")


async def test_this_machine_resolves_its_own_name() -> None:
    assert set(await resolve_here("localhost", 80)) <= {"127.0.0.1", "::1"}
