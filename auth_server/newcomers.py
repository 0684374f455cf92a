"""People whom an upstream provider vouches for: their lasting subject here, and whether they are still let in."""

import re
import secrets
from collections.abc import Callable
from dataclasses import replace

from auth_server.asked import Person
from auth_server.models import Identity
from auth_server.people import Newcomer
from auth_server.rules.openid_upstream import PREFIX, is_let_in
from auth_server.store.upstream_contract import Newcomers
from auth_server.user_book import UserBook

_BYTES = 16
_SUBJECT = re.compile(re.escape(PREFIX) + "[0-9a-f]{32}")


class NewcomerBook:
    """Newcomers by subject; everybody else stands in the book of users."""

    def __init__(self, identity: Callable[[], Identity], records: Newcomers, users: UserBook) -> None:
        self._identity = identity
        self._records = records
        self._users = users

    async def welcome(self, person: Newcomer) -> Newcomer:
        """The person under the name that tokens call them by. Raises StateUnavailable."""
        fresh = PREFIX + secrets.token_hex(_BYTES)
        subject = await self._records.subject(person.issuer, person.upstream_subject, fresh)
        known = replace(person, subject=subject)
        await self._records.put(known)
        return known

    async def subject_of(self, issuer: str, upstream_subject: str) -> str | None:
        """The same name for a person who comes by ID-JAG; None for whom the provider's entry refuses."""
        upstream = self._identity().upstream
        if upstream is not None and upstream.issuer == issuer and upstream_subject in upstream.refused:
            return None
        return await self._records.subject(issuer, upstream_subject, PREFIX + secrets.token_hex(_BYTES))

    async def by_hint(self, hint: str) -> Person | None:
        """Whoever is let in and is called so by tokens, or signs in here by that name. Raises StateUnavailable."""
        if not hint.startswith(PREFIX):
            return await self._users.by_hint(hint)
        found = await self._records.find(hint) if _SUBJECT.fullmatch(hint) else None
        if found is None or not is_let_in(found, self._identity().upstream):
            return None
        return Person(subject=found.subject, name=found.name)

    async def may_go_on(self, name: str, subject: str) -> bool:
        """Whether a person who signed in once is still let in. Raises StateUnavailable."""
        if not subject.startswith(PREFIX):
            return await self._users.may_go_on(name, subject)
        found = await self._records.find(subject)
        return found is not None and is_let_in(found, self._identity().upstream)
