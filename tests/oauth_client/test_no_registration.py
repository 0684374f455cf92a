"""Credentials come from outside: this client registers itself nowhere, whatever is offered."""

import pytest

from oauth_client import ClientSecret, TokenAuth, TokenRefused
from tests.oauth_client.town import CLIENT, ISSUER, RESOURCE, SECRET, World


@pytest.mark.requirement("CM-03")
async def test_a_registration_endpoint_is_never_asked(world: World) -> None:
    world.server.extra = {"registration_endpoint": f"{ISSUER}/register", "client_id_metadata_document_supported": True}
    known = TokenAuth(world.tokens(ClientSecret(CLIENT, SECRET)), resource=RESOURCE)
    async with world.client(known) as client:
        assert (await client.post(RESOURCE)).status_code == 200
    unknown = TokenAuth(world.tokens(ClientSecret("stranger", SECRET)), resource=RESOURCE)
    async with world.client(unknown) as client:
        with pytest.raises(TokenRefused):
            await client.post(RESOURCE)
    assert world.town.count("/token") == 2
    assert world.town.count("/register") == 0
