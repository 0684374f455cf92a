"""Clients that register themselves for people: on a lease, identical software in one row, so fast and no faster.

A row that two registered is nobody's alone: whoever holds one of its tokens may read it and give up their share, and
nobody may change or remove it, or the first to describe well-known software could lead everybody else's codes away.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from auth_server.errors import AccessDenied, InvalidClientMetadata, InvalidToken, TooManyRegistrations
from auth_server.hashing import digest, fresh_secret, matches
from auth_server.jose import check_public
from auth_server.models import Client, Registered
from auth_server.pace import Pace
from auth_server.rules.cimd_client_document import client_of
from auth_server.rules.rfc7591_application import Application, software_hash
from auth_server.store.registration_contract import Registrations

UNUSED_LEASE = 24 * 3600
USED_LEASE = 90 * 24 * 3600
PER_NETWORK = 20
NEW_PER_HOUR = 500
_HOUR = 3600
_MOST_TOKENS = 8
_PREFIX = "dyn-"
_ID = re.compile(_PREFIX + r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Registrations a minute from one network, on one replica; new rows an hour, on all replicas together."""

    per_network: int = PER_NETWORK
    new_per_hour: int = NEW_PER_HOUR


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A registration and its management token, told this once."""

    registered: Registered
    token: str = field(repr=False)


def is_registered_id(client_id: str) -> bool:
    """Whether a client id is one of those made here."""
    return _ID.fullmatch(client_id) is not None


class Applications:
    """Registers, finds, keeps and forgets. RFC 7591, RFC 7592."""

    def __init__(self, records: Registrations, clock: Callable[[], float], limits: Limits | None = None) -> None:
        self._records = records
        self._clock = clock
        self._limits = limits or Limits()
        self._pace = Pace(self._limits.per_network, 60.0, clock)

    async def find(self, client_id: str) -> Client | None:
        """The client, while its lease lasts. Raises StateUnavailable."""
        found = await self._records.find(client_id) if is_registered_id(client_id) else None
        return None if found is None else found.client

    async def register(self, application: Application, network: str) -> Issued:
        """A row, new or shared, and a token for it. Raises TooManyRegistrations, InvalidClientMetadata for bad keys."""
        if not self._pace.allows(network):
            raise TooManyRegistrations("too many registrations from this network: wait", detail="per network")
        _check_keys(application)
        token, software = fresh_secret(), software_hash(application)
        shared = await self._share(software, digest(token))
        if shared is not None:
            return Issued(registered=shared, token=token)
        # Known software still registers when this limit is reached: it needs no new row.
        if not await self._records.count(_HOUR, self._limits.new_per_hour):
            raise TooManyRegistrations("too many registrations: wait", detail="everywhere")
        made = self._made(application, software, digest(token))
        await self._records.add(made)
        return Issued(registered=made, token=token)

    async def used(self, client_id: str) -> None:
        """Renew the lease of a client that a person let in; at most one write a day."""
        lease = int(self._clock()) + USED_LEASE
        found = await self._records.find(client_id) if is_registered_id(client_id) else None
        if found is None or (found.used and found.expires > lease - UNUSED_LEASE):
            return
        renewed = await self._records.change(client_id, lambda row: replace(row, used=True, expires=lease))
        if renewed is not None:
            await self._records.enlist(renewed)
        if renewed is not None and renewed.software:
            await self._records.name(renewed)

    async def read(self, client_id: str, token: str) -> Registered:
        """What is registered. Raises InvalidToken. RFC 7592 §2.1."""
        found = await self._records.find(client_id) if is_registered_id(client_id) else None
        return _held(found, token)

    async def update(self, client_id: str, token: str, application: Application) -> Registered:
        """Replace all of it, where it is nobody else's. Raises InvalidToken, AccessDenied. RFC 7592 §2.2."""
        _check_keys(application)
        held = await self.read(client_id, token)
        if held.software == software_hash(application):
            return held

        def changed(row: Registered) -> Registered:
            if _held(row, token).shared:
                raise AccessDenied("others registered the same software: register what has changed anew")
            client = client_of(client_id, application, created=row.client.created)
            # Without a hash from now on: nobody shares what its owner may change.
            return replace(row, client=client, application_type=application.application_type, software="")

        return _held(await self._records.change(client_id, changed), token)

    async def delete(self, client_id: str, token: str) -> None:
        """Give the registration up; it goes when nobody else has it. Raises InvalidToken. RFC 7592 §2.3."""
        mine = digest(token)

        def given_up(row: Registered) -> Registered:
            kept = tuple(known for known in _held(row, token).tokens if known != mine)
            # Ended by a write that must win, so that nobody begins to share it in between.
            return replace(row, tokens=kept, expires=row.expires if row.shared else int(self._clock()))

        ended = await self._records.change(client_id, given_up) if is_registered_id(client_id) else None
        if ended is None:
            raise _unknown()
        if not ended.shared:
            await self._records.remove(client_id)

    async def _share(self, software: str, token_hash: str) -> Registered | None:
        client_id = await self._records.named(software)
        if client_id is None:
            return None

        def shared(row: Registered) -> Registered:
            if row.software != software:
                return row
            return replace(row, shared=True, tokens=(token_hash, *row.tokens)[:_MOST_TOKENS])

        row = await self._records.change(client_id, shared)
        return row if row is not None and row.software == software and token_hash in row.tokens else None

    def _made(self, application: Application, software: str, token_hash: str) -> Registered:
        now = int(self._clock())
        return Registered(
            client=client_of(_PREFIX + secrets.token_hex(16), application, created=now),
            application_type=application.application_type,
            software=software,
            tokens=(token_hash,),
            expires=now + UNUSED_LEASE,
        )


def _held(row: Registered | None, token: str) -> Registered:
    if row is None or not matches(token, row.tokens):
        raise _unknown()
    return row


def _unknown() -> InvalidToken:
    return InvalidToken("the registration access token is no good for this client")


def _check_keys(application: Application) -> None:
    for key in application.jwks:
        try:
            check_public(key)
        except ValueError as error:
            raise InvalidClientMetadata(f"jwks: {error}") from None
