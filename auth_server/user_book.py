"""Who may sign in with a password: people made at run time and, for development, those of identity.yaml."""

from collections.abc import Callable
from hmac import compare_digest

import structlog

from auth_server.asked import Person
from auth_server.models import Identity
from auth_server.passwords import LONGEST, Passwords, is_hash
from auth_server.people import DeclaredUser, User
from auth_server.store.contract import Users
from sidecar.secrets import SecretMissing, Secrets

_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server.users")


class UserBook:
    """People by name; identity.yaml wins over a person made at run time."""

    def __init__(
        self, identity: Callable[[], Identity], records: Users, secrets: Secrets, passwords: Passwords
    ) -> None:
        self._identity = identity
        self._records = records
        self._secrets = secrets
        self._passwords = passwords

    async def find(self, name: str) -> User | None:
        """A person who is let in. Raises StateUnavailable."""
        declared = self._identity().users.get(name)
        if declared is not None:
            return User(name=declared.name, subject=declared.subject, password_hash="")
        found = await self._records.find(name)
        return None if found is None or found.disabled else found

    async def by_hint(self, hint: str) -> Person | None:
        """A person who is let in: by subject, which is nobody else's name, or by name. Raises StateUnavailable."""
        declared = {user.subject: user.name for user in self._identity().users.values()}
        name = declared.get(hint) or await self._records.name_of(hint)
        found = await self.find(name or hint)
        if found is None or (name and found.subject != hint):
            return None
        return Person(subject=found.subject, name=found.name)

    async def may_go_on(self, name: str, subject: str) -> bool:
        """Whether a person who signed in once is still let in; a name alone may be somebody else's by now.

        Raises StateUnavailable.
        """
        found = await self.find(name)
        return found is not None and found.subject == subject

    async def sign_in(self, name: str, password: str) -> User | None:
        """The person, if the password is theirs; the work is the same whoever it is.

        Raises StateUnavailable, SecretsUnavailable, TemporarilyUnavailable.
        """
        user = await self.find(name)
        declared = self._identity().users.get(name)
        known = await self._secret(declared) if declared else user.password_hash if user else ""
        hashed = known if is_hash(known) else None
        fits = await self._passwords.fits(password[: LONGEST + 1], hashed)
        if hashed is None and known:
            fits = compare_digest(known.encode(), password.encode())
        if user is None or not fits:
            return None
        if declared is None and await self._records.name_of(user.subject) is None:
            # Made before subjects led to names.
            await self._records.name(user.subject, user.name)
        return user

    async def _secret(self, declared: DeclaredUser) -> str:
        try:
            found = await self._secrets.get(declared.secret_name)
        except SecretMissing as missing:
            _LOG.error("a user's secret is missing", secret_name=declared.secret_name, why=str(missing))
            return ""
        return found.get("password_hash") or found.get("password") or ""
