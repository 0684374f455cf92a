"""How the client proves itself: a secret, a key of its own, or the token of the workload it is."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from oauth_client.errors import CredentialsUnusable
from oauth_client.keys import SigningKey
from oauth_client.models import Proof, ServerMetadata
from oauth_client.rules.rfc6749_client_auth import BASIC, POST, basic_header, choose_method
from oauth_client.rules.rfc7523_assertion import METHOD, TYP, assertion_claims, assertion_form, choose_algorithm

Ask = Callable[[], Awaitable[str]]


class Credentials(Protocol):
    """What `Tokens` needs of a client: its id, a proof for each request, and whether it can do better."""

    @property
    def client_id(self) -> str:
        """The identifier the client is registered under."""
        ...

    async def prove(self, server: ServerMetadata) -> Proof:
        """A proof for one token request at this server. Raises MethodNotOffered, CredentialsUnusable."""
        ...

    async def renew(self, used: Proof) -> bool:
        """After invalid_client: is there now something better than what was used? Raises CredentialsUnusable."""
        ...


class ClientSecret:
    """A shared secret. RFC 6749 §2.3.1.

    `secret` may be an async callable, such as a read from a secret store: it is asked once, and again when the
    server refuses the client, so a rotated secret is picked up without a restart. `method` None takes what the
    server lists, client_secret_basic first.
    """

    def __init__(
        self,
        client_id: str,
        secret: str | Ask,
        method: Literal["client_secret_basic", "client_secret_post"] | None = None,
    ) -> None:
        self.client_id = client_id
        self._secret = secret if isinstance(secret, str) else ""
        self._ask = None if isinstance(secret, str) else secret
        self._able = (method,) if method else (BASIC, POST)

    async def prove(self, server: ServerMetadata) -> Proof:
        """The secret, in a header or in the form as the server has it."""
        method = choose_method(server, self._able)
        if not self._secret:
            await self._read()
        secret = self._secret
        if method == BASIC:
            header = basic_header(self.client_id, secret)
            return Proof(headers={"Authorization": header}, sensitive=(secret, header.removeprefix("Basic ")))
        return Proof(form={"client_id": self.client_id, "client_secret": secret}, sensitive=(secret,))

    async def renew(self, used: Proof) -> bool:
        """Ask for the secret again; true when it is not the one that was refused."""
        if self._ask is not None:
            await self._read()
        return self._secret not in used.sensitive

    async def _read(self) -> None:
        secret = await self._ask() if self._ask is not None else ""
        if not secret:
            raise CredentialsUnusable(f"the secret of client {self.client_id} is empty")
        self._secret = secret


class PrivateKey:
    """A key pair of the client's own; the server knows the public half. RFC 7523 §2.2.

    `key` is a PEM or a JWK (dict or JSON): P-256 signs ES256, Ed25519 EdDSA, RSA RS256, unless the JWK says
    otherwise in `alg`. Raises CredentialsUnusable for a key that cannot sign.
    """

    def __init__(
        self, client_id: str, key: str | bytes | Mapping[str, object], *, now: Callable[[], float] = time.time
    ) -> None:
        self.client_id = client_id
        self._key = SigningKey(key)
        self._now = now

    async def prove(self, server: ServerMetadata) -> Proof:
        """A new assertion for this issuer alone, good for a minute and for one use."""
        choose_method(server, (METHOD,))
        alg = choose_algorithm(server, self._key.algorithms)
        claims = assertion_claims(self.client_id, server.issuer, now=int(self._now()), jti=uuid.uuid4().hex)
        assertion = self._key.sign(alg, TYP, claims)
        return Proof(form=assertion_form(self.client_id, assertion), sensitive=(assertion,))

    async def renew(self, used: Proof) -> bool:
        """A key does not become a better one by asking."""
        del used
        return False


class WorkloadToken:
    """A token that the platform keeps fresh in a file, such as a projected service account. RFC 7523 §2.2.

    The file is read for every request, since it rotates; its token is passed on as it is.
    """

    def __init__(self, client_id: str, path: Path) -> None:
        self.client_id = client_id
        self._path = path

    async def prove(self, server: ServerMetadata) -> Proof:
        """The file's token as client assertion."""
        choose_method(server, (METHOD,))
        assertion = await self._read()
        return Proof(form=assertion_form(self.client_id, assertion), sensitive=(assertion,))

    async def renew(self, used: Proof) -> bool:
        """True when the file has rotated since."""
        return await self._read() not in used.sensitive

    async def _read(self) -> str:
        try:
            assertion = (await asyncio.to_thread(self._path.read_text, "ascii")).strip()
        except (OSError, UnicodeError) as error:
            raise CredentialsUnusable(f"workload token {self._path}: {type(error).__name__}") from error
        if not assertion:
            raise CredentialsUnusable(f"workload token {self._path} is empty")
        return assertion
