"""People's passwords: argon2id, in threads, a few at a time. Client secrets are not for here: see `hashing`."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth_server.errors import TemporarilyUnavailable

LONGEST = 256
_AT_ONCE = 2
_WAITING = 40
# OWASP's choice for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """The hash to keep, with its parameters and salt (PHC string). Takes tens of milliseconds of one core."""
    return _HASHER.hash(password)


def is_hash(text: str) -> bool:
    """Whether a text is such a hash."""
    return text.startswith("$argon2id$")


class Passwords:
    """Compares, at the same cost whether there is a hash to compare with or not."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def fits(self, password: str, known: str | None) -> bool:
        """Whether the password made the hash; without a hash the same work, and False.

        Raises TemporarilyUnavailable when too many wait: memory and cores stay bounded.
        """
        if self._waiting >= _WAITING:
            raise TemporarilyUnavailable("too many people sign in at this moment: try again", detail="argon2 queue")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_fits, password, known)
        finally:
            self._waiting -= 1


def _fits(password: str, known: str | None) -> bool:
    try:
        _HASHER.verify(known or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


@cache
def _nobodys() -> str:
    """A hash to compare with when there is none."""
    return _HASHER.hash("nobody")
