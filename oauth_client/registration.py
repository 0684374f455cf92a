"""Which client a person's program is at an authorization server. MCP, Client Registration."""

from collections.abc import Mapping
from dataclasses import asdict

from oauth_client.credentials import ClientSecret, Credentials
from oauth_client.errors import OAuthClientError, RegistrationRefused, Unreachable
from oauth_client.models import Document, Proof, ServerMetadata
from oauth_client.rules.cimd_client_document import check_document
from oauth_client.rules.rfc6749_client_auth import BASIC, POST
from oauth_client.rules.rfc7591_registration import NONE, Registered, read_registration, registration
from oauth_client.vault import Vault
from oauth_client.wire import Wire

_GONE = (401, 403, 404, 410)


class PublicClient:
    """A client that holds nothing to prove itself by; PKCE and its redirect URI do what can be done. RFC 6749 §2.1."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    async def prove(self, server: ServerMetadata) -> Proof:
        """Its name, and nothing more."""
        del server
        return Proof(form={"client_id": self.client_id})

    async def renew(self, used: Proof) -> bool:
        """There is nothing that could be newer."""
        del used
        return False


class Registrar:
    """In MCP's order: what was registered beforehand, the metadata document, dynamic registration, a clear no.

    What a server registered is kept under its issuer and shown to no other. MCP, Authorization Server Binding.
    """

    def __init__(self, vault: Vault, *, given: Credentials | None, document: str, name: str) -> None:
        self._vault = vault
        self._given = given
        self._document = document
        self._name = name

    async def known(self, server: ServerMetadata) -> tuple[Credentials, str] | None:
        """The client there is already, and the redirect URI it was registered with, if any."""
        fixed = self._fixed(server)
        if fixed is not None:
            return fixed, ""
        kept = await self._vault.read(_name(server))
        return None if kept is None else _kept(kept)

    async def client_of(self, server: ServerMetadata, client_id: str) -> Credentials:
        """The client of a sign-in: the one known here, else one with nothing but its name, registered beforehand."""
        known = await self.known(server)
        return known[0] if known and known[0].client_id == client_id else PublicClient(client_id)

    async def client(self, wire: Wire, server: ServerMetadata, redirect_uri: str) -> Credentials:
        """The client to ask with, registered now if need be. Raises RegistrationRefused, CredentialsUnusable."""
        fixed = self._fixed(server)
        if fixed is not None:
            await self._look(wire, fixed)
            return fixed
        kept = await self._vault.read(_name(server))
        if kept is not None and await _still_known(wire, kept):
            return _kept(kept)[0]
        return await self._register(wire, server, redirect_uri)

    async def forget(self, server: ServerMetadata, client_id: str | None = None) -> bool:
        """After the server said it does not know us, or the client of a sign-in: is it worth registering anew?"""
        known = await self.known(server)
        if self._fixed(server) is not None or (known and client_id not in (None, known[0].client_id)):
            return False
        await self._vault.forget(_name(server))
        return True

    async def doubt(self, server: ServerMetadata) -> None:
        """After nobody came back: perhaps a page said that the client is unknown, of which nothing is heard here.

        A registration that can be asked after stays; it will be.
        """
        kept = await self._vault.read(_name(server))
        if kept is not None and not Document(kept).text("management_uri"):
            await self._vault.forget(_name(server))

    def _fixed(self, server: ServerMetadata) -> Credentials | None:
        if self._given is not None and self._given.client_id != self._document:
            return self._given
        if self._document and server.takes_documents:
            return self._given or PublicClient(self._document)
        return None

    async def _look(self, wire: Wire, client: Credentials) -> None:
        """Our own document, where we can see it too: its faults are told here, not on a page of the server."""
        if client.client_id != self._document:
            return
        try:
            answer = await wire.get(self._document)
        except OAuthClientError:
            return
        if answer.document is not None:
            check_document(answer.document, self._document)

    async def _register(self, wire: Wire, server: ServerMetadata, redirect_uri: str) -> Credentials:
        if not server.registration_endpoint:
            raise RegistrationRefused(
                f"{server.issuer} registers no clients by itself: have one registered there for this program, with the "
                f"redirect URI {redirect_uri} (any port), and give its identifier"
            )
        asked = registration(server, self._name, redirect_uri)
        answer = await wire.post_json(server.registration_endpoint, asked)
        made = read_registration(answer.status, answer.document, asked, server.registration_endpoint)
        await self._vault.write(_name(server), {**asdict(made), "redirect_uri": redirect_uri})
        return _credentials(made)


async def _still_known(wire: Wire, kept: Mapping[str, object]) -> bool:
    """Ask where the server offers to be asked; a page that says so could not reach this program. RFC 7592 §2.1."""
    document = Document(kept)
    url, token = document.text("management_uri"), document.text("management_token")
    if not url or not token:
        return True
    try:
        answer = await wire.get(url, {"Authorization": f"Bearer {token}"})
    except Unreachable:
        return True
    return answer.status not in _GONE


def _kept(kept: Mapping[str, object]) -> tuple[Credentials, str]:
    document = Document(kept)
    registered = Registered(
        client_id=document.text("client_id"),
        client_secret=document.text("client_secret"),
        method=document.text("method") or NONE,
    )
    return _credentials(registered), document.text("redirect_uri")


def _credentials(registered: Registered) -> Credentials:
    if registered.method == BASIC:
        return ClientSecret(registered.client_id, registered.client_secret, BASIC)
    if registered.method == POST:
        return ClientSecret(registered.client_id, registered.client_secret, POST)
    return PublicClient(registered.client_id)


def _name(server: ServerMetadata) -> str:
    return f"client {server.issuer}"
