"""What people's clients redeem, raced over every store: DACA_RACE_ROUNDS rounds of fifty callers over two replicas."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pytest

from auth_server.errors import InvalidGrant
from auth_server.form import Form
from auth_server.grants.authorization_code import AuthorizationCode, Decision, permitted
from auth_server.grants.refresh_token import RefreshToken
from auth_server.models import AUTHORIZATION_CODE, REFRESH_TOKEN, Client, Grant, Identity, Resource
from auth_server.people import Interaction, Session
from auth_server.rules.rfc7636_pkce import challenge_of
from auth_server.store.permissions import PermissionRecords
from sidecar.state import Entry, Json, State

if TYPE_CHECKING:
    from tests.sidecar.conftest import Store

ROUNDS: Final = int(os.environ.get("DACA_RACE_ROUNDS", "3"))
RACERS: Final = 50
NOTES: Final = "http://localhost:8000/mcp"
VERIFIER: Final = "v" * 43
RESOURCE: Final = Resource(name="notes", uri=NOTES, scopes={"mcp:read": "Read"})
CLIENT: Final = Client(
    client_id="desk",
    auth_method="none",
    grant_types=(AUTHORIZATION_CODE, REFRESH_TOKEN),
    resources={},
    any_resource=True,
    redirect_uris=("http://127.0.0.1/cb",),
)
IDENTITY: Final = Identity(resources={NOTES: RESOURCE}, clients={})


class Killed(Exception):
    """The replica is no more."""


class Mortal:
    """A state whose replica dies right after its next write."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, key: str) -> Entry | None:
        return await self._state.get(key)

    async def insert(self, key: str, value: Json, *, ttl: int | None = None) -> bool:
        await self._state.insert(key, value, ttl=ttl)
        raise Killed

    async def replace(self, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
        await self._state.replace(key, value, etag, ttl=ttl)
        raise Killed

    async def put(self, key: str, value: Json, *, ttl: int | None = None) -> None:
        await self._state.put(key, value, ttl=ttl)
        raise Killed

    async def delete(self, key: str) -> None:
        await self._state.delete(key)
        raise Killed


class Replica:
    """What one authorization server does with codes and refresh tokens."""

    def __init__(self, state: State, store: "Store") -> None:
        self.permissions = PermissionRecords(state, store.clock)
        self._code = AuthorizationCode(self.permissions, lambda: IDENTITY, store.clock)
        self._refresh = RefreshToken(self.permissions, _everybody, lambda: IDENTITY, store.clock)

    async def redeem(self, code: str) -> Grant | None:
        form = Form({"code": (code,), "code_verifier": (VERIFIER,)})
        try:
            return await self._code(form, CLIENT)
        except InvalidGrant:
            return None

    async def refresh(self, token: str | None) -> Grant | None:
        try:
            return await self._refresh(Form({"refresh_token": (token or "",)}), CLIENT)
        except InvalidGrant:
            return None


async def _everybody(_name: str, _subject: str) -> bool:
    return True


def replicas_over(store: "Store") -> Sequence[Replica]:
    return [Replica(state, store) for state in store.replicas]


async def allowed(replica: Replica, store: "Store") -> str:
    """A code that somebody has just allowed."""
    now, person = int(store.clock.now), secrets.token_hex(16)
    interaction = Interaction(
        id=secrets.token_hex(16),
        client_id="desk",
        redirect_uri="http://127.0.0.1:1/cb",
        code_challenge=challenge_of(VERIFIER),
        resource=NOTES,
        scopes=("mcp:read",),
        created=now,
    )
    session = Session(reference="r", subject=person, name="grace", auth_time=now, expires=now + 600)
    decision = Decision(interaction=interaction, client=CLIENT, session=session, scopes=("mcp:read",))
    code, permission, listed = permitted(decision, now=now)
    await replica.permissions.add(permission, listed)
    return code


@pytest.mark.requirement("AS-18")
async def test_a_code_that_fifty_redeem_at_once_yields_one_token_set(store: "Store") -> None:
    replicas = replicas_over(store)
    for _ in range(ROUNDS):
        code = await allowed(replicas[0], store)
        redeemed = await asyncio.gather(*(replicas[number % 2].redeem(code) for number in range(RACERS)))
        winners = [grant for grant in redeemed if grant is not None]
        assert len(winners) == 1
        assert await replicas[1].refresh(winners[0].refresh_token) is None


@pytest.mark.requirement("AS-28")
async def test_a_family_survives_a_replica_that_dies_between_write_and_answer(store: "Store") -> None:
    one, other = replicas_over(store)
    dying = Replica(Mortal(store.state), store)
    grant = await one.redeem(await allowed(one, store))
    assert grant is not None
    with pytest.raises(Killed):
        await dying.refresh(grant.refresh_token)
    store.clock.now += 5
    retried = await other.refresh(grant.refresh_token)
    assert retried is not None
    store.clock.now += 6
    again = await one.refresh(retried.refresh_token)
    assert again is not None
    assert await other.refresh(grant.refresh_token) is None
    assert await one.refresh(again.refresh_token) is None


@pytest.mark.requirement("AS-18")
async def test_a_code_whose_answer_was_lost_is_spent(store: "Store") -> None:
    one, other = replicas_over(store)
    code = await allowed(one, store)
    with pytest.raises(Killed):
        await Replica(Mortal(store.state), store).redeem(code)
    assert await other.redeem(code) is None
