"""Invitations: initial access tokens for machines, or clients for people, that register themselves."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auth_server.admin.refused import AdminError, reachable
from auth_server.hashing import digest, fresh_secret
from auth_server.models import Identity, Invitation
from auth_server.store.records import InvitationRecords
from sidecar.state import State


@dataclass(frozen=True, kw_only=True)
class Invited:
    """An initial access token, shown this once. `expires` is in seconds since 1970."""

    token: str = field(repr=False)
    uses: int
    expires: int


async def invite(
    state: State,
    identity: Identity,
    *,
    resources: Mapping[str, Sequence[str]],
    people: bool = False,
    uses: int = 1,
    expires_in: int = 3600,
) -> Invited:
    """An invitation to these resources and scopes, for so many clients, for so many seconds. Raises AdminError.

    One for `people` names no resource: such a client reaches what each person allows.
    """
    if people and resources:
        raise AdminError("an invitation for people's clients names no resource: people decide what they reach")
    if uses < 1 or expires_in < 1:
        raise AdminError("an invitation has at least one use and at least one second")
    token = fresh_secret()
    expires = int(time.time()) + expires_in
    reached = {} if people else reachable(identity, resources)
    invitation = Invitation(resources=reached, uses=uses, expires=expires, people=people)
    await InvitationRecords(state).add(digest(token), invitation, expires_in)
    return Invited(token=token, uses=uses, expires=expires)
