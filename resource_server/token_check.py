"""From a token to a verified caller: taken apart, signature, claims, in that order; remembered until it expires."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

from resource_server.caller import Caller
from resource_server.decision import Decision
from resource_server.errors import InvalidToken
from resource_server.keys import Keys
from resource_server.rules.rfc6749_scope import with_implied
from resource_server.rules.rfc7515_jws import Jws, check_header, key_id_of, object_of, take_apart
from resource_server.rules.rfc8707_audience import check_audience, comparable
from resource_server.rules.rfc9068_access_token import (
    check_issuer,
    check_name,
    check_not_bound,
    check_times,
    scopes_of,
)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a token must be to be good here."""

    issuer: str
    resource: str
    types: Collection[str]
    algorithms: Collection[str]
    scope_claims: Sequence[str]
    client_claims: Sequence[str]
    leeway: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A caller, all that its scopes come to, the second at which that ends, and which key signed it.

    `calls` are its tools so far, each with the decision that let it in.
    """

    caller: Caller
    scopes: frozenset[str]
    until: float
    key_id: str = ""
    calls: dict[str, Decision] = field(default_factory=dict[str, Decision], compare=False)


class TokenCheck:
    """Verifies a token once and remembers it by its hash, never by itself, until it expires or the keys change."""

    def __init__(
        self,
        expected: Expected,
        keys: Keys,
        *,
        implied: Mapping[str, frozenset[str]],
        clock: Callable[[], float],
        size: int,
    ) -> None:
        self._expected = expected
        self._own = comparable(expected.resource)
        self._keys = keys
        self._implied = implied
        self._clock = clock
        self._size = size
        self._seen: OrderedDict[bytes, Verified] = OrderedDict()
        self._generation = keys.generation

    async def verify(self, token: bytes) -> Verified:
        """The caller this token proves. Raises InvalidToken or KeysUnavailable."""
        known = self.known(token)
        if known is not None:
            return known
        verified = self._read(await self._proven(token), token)
        self._forget_when_keys_changed()
        self._remember(sha256(token).digest(), verified)
        return verified

    def known(self, token: bytes) -> Verified | None:
        """The caller that this token proved before, if nothing has ended that: no waiting."""
        self._forget_when_keys_changed()
        digest = sha256(token).digest()
        known = self._seen.get(digest)
        if known is None or self._clock() >= known.until:
            return None
        self._seen.move_to_end(digest)
        return known

    def _forget_when_keys_changed(self) -> None:
        if self._generation != self._keys.generation:
            self._seen.clear()
            self._generation = self._keys.generation

    async def _proven(self, token: bytes) -> Jws:
        jws = take_apart(token)
        check_header(jws.header, types=self._expected.types, algorithms=self._expected.algorithms)
        key = await self._keys.find(key_id_of(jws.header), str(jws.header["alg"]))
        if not key.verifies(jws.signing_input, jws.signature):
            raise InvalidToken("the access token's signature is not valid")
        return jws

    def _read(self, jws: Jws, token: bytes) -> Verified:
        claims, expected = object_of(jws.payload), self._expected
        check_issuer(claims, expected.issuer)
        check_audience(claims.get("aud"), self._own)
        expires = check_times(claims, now=self._clock(), leeway=expected.leeway)
        check_not_bound(claims)
        scopes = scopes_of(claims, expected.scope_claims)
        caller = Caller(
            subject=check_name(claims, "sub"),
            client_id=check_name(claims, *expected.client_claims),
            scopes=scopes,
            claims=MappingProxyType(dict(claims)),
            token=token.decode("ascii"),
        )
        return Verified(
            caller=caller,
            scopes=with_implied(scopes, self._implied),
            until=expires + expected.leeway,
            key_id=key_id_of(jws.header) or "",
        )

    def _remember(self, digest: bytes, verified: Verified) -> None:
        self._seen[digest] = verified
        self._seen.move_to_end(digest)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
