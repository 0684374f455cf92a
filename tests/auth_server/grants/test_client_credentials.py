from dataclasses import replace

import pytest

from auth_server.errors import InvalidScope, InvalidTarget, UnauthorizedClient
from auth_server.form import Form
from auth_server.grants.client_credentials import redeem
from auth_server.models import Client, Identity, Resource

NOTES, FILES = "https://notes.example/mcp", "https://files.example/mcp"
IDENTITY = Identity(
    resources={
        NOTES: Resource(name="notes", uri=NOTES, scopes={"read": "", "write": ""}, default_scopes=("read",)),
        FILES: Resource(name="files", uri=FILES, scopes={"write": ""}),
    },
    clients={},
    implies={"write": frozenset({"read"})},
)
CLIENT = Client(client_id="c", resources={NOTES: ("write",), FILES: ("write", "gone")})


def _form(**fields: str) -> Form:
    return Form({name: (value,) for name, value in fields.items()})


async def test_a_grant_is_for_one_resource_and_names_the_client() -> None:
    grant = await redeem(_form(resource=NOTES, scope="read write"), CLIENT, IDENTITY)
    assert (grant.client_id, grant.subject, grant.resource.uri) == ("c", "client:c", NOTES)
    assert grant.scopes == ("read", "write")


@pytest.mark.requirement("AS-44")
async def test_a_client_that_is_not_registered_for_the_grant_is_unauthorized() -> None:
    with pytest.raises(UnauthorizedClient):
        await redeem(_form(resource=NOTES), replace(CLIENT, grant_types=()), IDENTITY)


@pytest.mark.parametrize("scope", ["gone", "read"])
async def test_no_scope_is_granted_that_the_resource_does_not_have(scope: str) -> None:
    with pytest.raises(InvalidScope):
        await redeem(_form(resource=FILES, scope=scope), CLIENT, IDENTITY)


@pytest.mark.requirement("AS-33")
async def test_the_clients_default_comes_before_everyones() -> None:
    everyone = replace(IDENTITY, default_resource=NOTES)
    assert (await redeem(_form(), CLIENT, everyone)).resource.uri == NOTES
    own = replace(CLIENT, default_resource=FILES)
    assert (await redeem(_form(scope="write"), own, everyone)).resource.uri == FILES


async def test_a_resource_that_was_taken_out_is_no_target_any_more() -> None:
    only = replace(CLIENT, resources={"https://gone.example": ("read",)})
    for form in (_form(), _form(resource="https://gone.example")):
        with pytest.raises(InvalidTarget):
            await redeem(form, only, IDENTITY)
