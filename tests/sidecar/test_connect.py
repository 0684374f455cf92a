"""Which way an app goes is decided by Dapr's own environment, once."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.components import Access
from sidecar.connect import connect
from sidecar.dapr_http import Address, address_of

if TYPE_CHECKING:
    from tests.sidecar.conftest import Sidecars


def test_the_address_of_the_sidecar_comes_from_daprs_environment() -> None:
    assert address_of({}) is None
    assert address_of({"DAPR_HTTP_PORT": ""}) is None
    assert address_of({"DAPR_HTTP_PORT": "3500"}) == Address(url="http://127.0.0.1:3500")
    environ = {"DAPR_HTTP_PORT": "3500", "DAPR_HTTP_ENDPOINT": "https://dapr.example/", "DAPR_API_TOKEN": "t"}
    assert address_of(environ) == Address(url="https://dapr.example", token="t")


def test_the_token_is_not_in_what_an_address_prints() -> None:
    assert "sesame" not in repr(Address(url="http://x", token="sesame"))


@pytest.mark.needs("daprd")
async def test_with_a_sidecar_an_app_uses_it_for_everything(sidecars: "Sidecars", tmp_path: Path) -> None:
    access = Access(apis=("secrets", "state"), secrets=("client-researcher",))
    spec = sidecars.start("researcher", access=access).spec
    environ = {"DAPR_HTTP_PORT": str(spec.http_port), "DAPR_API_TOKEN": spec.api_token}
    async with connect(environ, app_id="researcher", data=tmp_path, routes={}) as sidecar:
        assert sidecar.mode == "sidecar"
        await sidecar.state.put("connected", 1)
        assert await sidecar.secrets.get("client-researcher") == {"secret": "r1"}
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
