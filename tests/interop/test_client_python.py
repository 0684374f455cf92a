"""The Python SDK's own client of a person (OAuthClientProvider) against our authorization server and the notes."""

import json
from dataclasses import dataclass, field

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.human.town import Town
from tests.interop.document import Documents
from tests.interop.visit import Visit, told
from tests.ports import free_port

pytestmark = [pytest.mark.xdist_group("interop")]
MODES = ["legacy", "auto", "2026-07-28"]


@dataclass
class Kept:
    """Where the provider keeps what it has, and the person whom it sends away."""

    visit: Visit
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    came: dict[str, str] = field(default_factory=dict[str, str])
    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def go(self, url: str) -> None:
        self.asked.append(told(url))
        self.came = told(self.visit.allow(url))

    async def back(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=self.came["code"], state=self.came["state"], iss=self.came["iss"])


@pytest.mark.requirement("AS-07", "AS-12")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["registration", "document"])
async def test_the_python_client_signs_in_calls_a_tool_and_is_stepped_up(
    mode: str, way: str, running_town: Town, documents: Documents, visit: Visit
) -> None:
    place, kept, back = running_town.place, Kept(visit), f"http://127.0.0.1:{free_port()}/callback"
    url = documents.publish(f"python-{mode}", "http://127.0.0.1/callback") if way == "document" else None
    metadata = OAuthClientMetadata(
        client_name="Python", redirect_uris=[AnyUrl(back)], token_endpoint_auth_method="none", application_type="native"
    )
    auth = OAuthClientProvider(place.resource, metadata, kept, kept.go, kept.back, client_metadata_url=url)
    note = {"name": f"python {mode} {way}", "text": "from near by"}

    async with httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http:
        transport = streamable_http_client(place.resource, http_client=http)
        async with Client(transport, mode=mode) as client:
            listed = await client.call_tool("list_notes", {})
            written = await client.call_tool("write_note", note)
            read = await client.call_tool("read_note", {"name": note["name"]})

    assert [listed.is_error, written.is_error, read.is_error] == [False, False, False]
    assert "from near by" in json.dumps(read.structured_content)
    first, second = kept.asked
    assert "mcp:write" not in first["scope"].split()
    assert "mcp:write" in second["scope"].split()
    assert first["resource"] == place.resource
    assert (first["client_id"] == url) is (way == "document")
