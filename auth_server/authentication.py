"""Which client is this, and can it prove it: by secret, by its own key, by a workload identity that stands for it?"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from auth_server.directory import Directory
from auth_server.errors import InvalidClient, about
from auth_server.form import Form
from auth_server.guesses import Guesses
from auth_server.hashing import matches
from auth_server.issuer_keys import IssuerKeys
from auth_server.jose import Jws, verified
from auth_server.models import Client, Jwk, TrustedIssuer, Workload
from auth_server.rules.rfc6749_client_auth import (
    AssertionProof,
    NoProof,
    Presented,
    SecretProof,
    is_client_id,
    proof_of,
)
from auth_server.rules.rfc7523_client_assertion import (
    ALGORITHMS,
    LEEWAY,
    MAX_LIFETIME,
    check_claims,
    check_header,
    named_in,
    replay_id,
)
from auth_server.second_look import SecondLook
from auth_server.secret_book import SecretBook
from auth_server.store.contract import Spent
from sidecar.callers import Callers

_WITHOUT_SECRET = ("private_key_jwt", "none")
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Authentication:
    """Proves clients. RFC 6749 §2.3, RFC 7523 §3."""

    def __init__(  # noqa: PLR0913  whatever a proof is held against
        self,
        *,
        issuer: str,
        directory: Directory,
        secrets: SecretBook,
        issuer_keys: IssuerKeys,
        spent: Spent,
        callers: Callers,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._issuer = issuer
        self._directory = directory
        self._secrets = secrets
        self._issuer_keys = issuer_keys
        self._spent = spent
        self._callers = callers
        self._clock = clock
        self._guesses = Guesses(clock)
        self._second_look = SecondLook(self._latest, clock, pause)

    async def __call__(self, headers: Headers, form: Form) -> Client:
        """The client that sent a request. Raises InvalidClient, InvalidRequest, StateUnavailable."""
        proof = proof_of(_presented(_authorization(headers), form))
        if isinstance(proof, SecretProof):
            return await self._by_secret(proof)
        if isinstance(proof, NoProof):
            return await self._by_nothing(proof)
        return await self._by_assertion(proof, headers)

    def at_once(self, headers: Headers, form: Form) -> Client | None:
        """The same, where a right secret and what is in memory prove it; else None, and nothing has been counted."""
        proof = proof_of(_presented(_authorization(headers), form))
        if not isinstance(proof, SecretProof):
            return None
        client = self._directory.remembered(proof.client_id)
        if client is None or client.disabled or client.auth_method in _WITHOUT_SECRET:
            return None
        return client if matches(proof.secret, self._secrets.hashes(client)) else None

    async def _by_nothing(self, proof: NoProof) -> Client:
        """A public client: a code with its verifier, or a refresh token, is all the proof that there is. §3.2.1."""
        client = await self._known(proof.client_id)
        with about(client=client.client_id):
            if client.auth_method != "none":
                raise InvalidClient(
                    f"the client must authenticate with {client.auth_method}",
                    detail="no proof",
                )
            return _enabled(client)

    async def _by_secret(self, proof: SecretProof) -> Client:
        client = await self._known(proof.client_id)
        with about(client=client.client_id):
            if client.auth_method in _WITHOUT_SECRET:
                raise InvalidClient(f"this client authenticates with {client.auth_method}", detail="has no secret")
            if matches(proof.secret, self._secrets.hashes(client)):
                return _enabled(client)
            latest = await self._second_look(client)
            if latest is not None and matches(proof.secret, self._secrets.hashes(latest)):
                return _enabled(latest)
            raise self._guesses.refusal(client.client_id)

    async def _latest(self, client: Client) -> Client | None:
        """The client with secrets as they are now, in the secret store and in the state store."""
        if client.secret_name is not None:
            await self._secrets.read(client.secret_name)
        return await self._directory.find_anew(client.client_id)

    async def _known(self, client_id: str) -> Client:
        client = await self._directory.find(client_id)
        if client is None:
            known = client_id if is_client_id(client_id) else "malformed"
            with about(client=known):
                raise InvalidClient("client authentication failed", detail="unknown client")
        return client

    async def _by_assertion(self, proof: AssertionProof, headers: Headers) -> Client:
        token = Jws.parse(proof.assertion)
        if token is None:
            raise InvalidClient("the assertion is not a JWT", detail="not a compact JWS with claims")
        issuer, subject = named_in(token.claims, "iss"), named_in(token.claims, "sub")
        if issuer == subject:
            return await self._by_own_key(proof, token, issuer)
        return await self._by_workload(proof, token, (issuer, subject), self._callers.of(headers))

    async def _by_own_key(self, proof: AssertionProof, token: Jws, client_id: str) -> Client:
        client = await self._known(client_id)
        with about(client=client.client_id):
            _check_named(proof, client)
            if client.auth_method != "private_key_jwt" or not client.jwks:
                raise InvalidClient("this client has no registered key", detail="assertion for a secret client")
            own = TrustedIssuer(issuer=client_id, algorithms=ALGORITHMS, max_lifetime=MAX_LIFETIME)
            await self._check(token, own, client.jwks)
            return _enabled(client)

    async def _by_workload(self, proof: AssertionProof, token: Jws, who: tuple[str, str], by: str | None) -> Client:
        trusted = self._directory.identity.trusted_issuers.get(who[0])
        client = self._directory.workload(*who)
        if trusted is None or client is None or client.workload is None:
            raise InvalidClient("no client is known by this assertion", detail="unknown issuer or subject")
        with about(client=client.client_id):
            _check_named(proof, client)
            _check_brought(client.workload, by)
            # The claims first: nobody makes this server fetch keys with a token that could not be good.
            check_claims(token.claims, issuer=self._issuer, now=self._clock(), max_lifetime=trusted.max_lifetime)
            keys = await self._issuer_keys.keys(trusted, token.header.get("kid"))
            await self._check(token, trusted, keys)
            return _enabled(client)

    async def _check(self, token: Jws, trusted: TrustedIssuer, keys: Sequence[Jwk]) -> None:
        alg = check_header(token.header, trusted.algorithms)
        now = self._clock()
        expires = check_claims(token.claims, issuer=self._issuer, now=now, max_lifetime=trusted.max_lifetime)
        if not verified(token, keys, alg):
            raise InvalidClient("client authentication failed", detail="no registered key made this signature")
        if trusted.replay == "allow":
            return
        name = f"{trusted.issuer} {replay_id(token.claims, token.signed)}"
        if not await self._spent.first_use(name, expires + LEEWAY + 1 - int(now)):
            raise InvalidClient("the assertion was used before", detail="replayed jti")


def _authorization(headers: Headers) -> tuple[str, ...]:
    return tuple([value.decode("latin-1") for name, value in headers if name == b"authorization"])


def _presented(authorization: tuple[str, ...], form: Form) -> Presented:
    return Presented(
        authorization=authorization,
        client_id=form.one("client_id"),
        client_secret=form.one("client_secret"),
        assertion=form.one("client_assertion"),
        assertion_type=form.one("client_assertion_type"),
    )


def _check_brought(workload: Workload, by: str | None) -> None:
    """A file's token can be copied; the identity of the sidecar that it must come through cannot."""
    if workload.brought_by is not None and by != workload.brought_by:
        raise InvalidClient("another must bring this assertion", detail=f"brought by {by or 'nobody known'}")


def _check_named(proof: AssertionProof, client: Client) -> None:
    if proof.client_id not in (None, client.client_id):
        raise InvalidClient("client_id is not the one of the assertion", detail="client_id differs")


def _enabled(client: Client) -> Client:
    if client.disabled:
        raise InvalidClient("client authentication failed", detail="disabled")
    return client
