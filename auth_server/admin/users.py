"""People who sign in with a password of ours, for development: made, listed, shut out."""

import asyncio
import secrets
import time
from dataclasses import dataclass, replace

from auth_server.admin.refused import AdminError
from auth_server.passwords import LONGEST, hash_password
from auth_server.people import User
from auth_server.store.users import UserRecords
from sidecar.state import State

_SHORTEST = 8
_SUBJECT_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class KnownUser:
    """A person as an operator sees them. `subject` is what tokens say; `created` is in seconds since 1970."""

    name: str
    subject: str
    created: int
    disabled: bool


async def add_user(state: State, name: str, password: str) -> KnownUser:
    """Make a person, or give one who is there a new password. Raises AdminError: name or password is no good.

    NIST SP 800-63B §5.1.1.2 asks for eight characters at least and forbids rules about which.
    """
    if not name or name != name.strip() or not name.isprintable() or len(name) > LONGEST:
        raise AdminError(f"{name!r} cannot be a person's name: printable, no space around it, {LONGEST} at most")
    if not _SHORTEST <= len(password) <= LONGEST:
        raise AdminError(f"a password has {_SHORTEST} to {LONGEST} characters")
    records = UserRecords(state)
    hashed = await asyncio.to_thread(hash_password, password)
    subject = secrets.token_hex(_SUBJECT_BYTES)
    user = User(name=name, subject=subject, password_hash=hashed, created=int(time.time()))
    if not await records.add(user):
        user = await records.change(name, lambda known: replace(known, password_hash=hashed, disabled=False)) or user
    return _known(user)


async def list_users(state: State) -> tuple[KnownUser, ...]:
    """People made at run time, in the order they were made."""
    records = UserRecords(state)
    return tuple([_known(user) for name in await records.names() if (user := await records.find(name))])


async def disable_user(state: State, name: str, *, disabled: bool = True) -> None:
    """Let a person no longer sign in nor their clients refresh, or let them again. Raises AdminError."""
    if await UserRecords(state).change(name, lambda user: replace(user, disabled=disabled)) is None:
        raise AdminError(f"there is no user {name!r}")


def _known(user: User) -> KnownUser:
    return KnownUser(name=user.name, subject=user.subject, created=user.created, disabled=user.disabled)
