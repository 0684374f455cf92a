"""`daca login` and `daca logout`: a person's own tokens for one resource."""

import asyncio
from typing import Annotated

import typer

from cli import screen
from cli.errors import Failure, Usage
from cli.options import AsJson, Data, Identity, Scopes, settings_here
from cli.patience import patient_http
from cli.person import Program, person_tokens, their_browser
from cli.settings import Settings
from cli.targets import resolve
from oauth_client import Browser, OAuthClientError, Token

_Resource = Annotated[str, typer.Argument(metavar="RESOURCE", help="What to sign in for: a URI, or a name like notes.")]
_NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the URL.")]
_Document = Annotated[
    str, typer.Option("--client-id-document", metavar="URL", help="Be the client that this document describes.")
]
_Client = Annotated[
    str, typer.Option("--client", metavar="ID", help="Be a public client that was registered beforehand.")
]
_Issuer = Annotated[
    str, typer.Option("--issuer", metavar="URL", help="Where --client was registered; this system's issuer by default.")
]
_Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", min=1, help="How long to wait for the person.")]


def login(
    context: typer.Context,
    resource: _Resource,
    scope: Scopes = None,
    no_browser: _NoBrowser = False,
    document: _Document = "",
    client: _Client = "",
    issuer: _Issuer = "",
    wait: _Wait = 300,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Sign in to RESOURCE in your browser, and keep the tokens for `daca call`.

    Starts from the server's own refusal. The URL is on stderr too. What was allowed before stays allowed.
    """
    settings = settings_here(context, data, identity)
    if issuer and not client:
        raise Usage("--issuer goes with --client")
    # A client is known at one place: it goes to that issuer, whatever a resource's metadata says.
    program = Program(document=document, client_id=client, issuer=(issuer or settings.issuer) if client else "")
    browser = their_browser(wait, opens=not no_browser)
    token = asyncio.run(_login(resolve(resource, settings), scope or [], program, settings, browser))
    said = {"resource": token.resource, "issuer": token.issuer, "client_id": token.client_id}
    if as_json:
        screen.print_json({**said, "scopes": sorted(token.scopes)})
        return
    screen.stdout().print(f"signed in for {token.resource}: {' '.join(sorted(token.scopes))}", markup=False)


def logout(
    context: typer.Context,
    resource: _Resource,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Revoke the tokens for RESOURCE and forget them."""
    settings = settings_here(context, data, identity)
    where = resolve(resource, settings)
    revoked = asyncio.run(_logout(where, settings))
    if as_json:
        screen.print_json({"resource": where, "was_signed_in": revoked is not None, "revoked": bool(revoked)})
        return
    said = {True: "revoked and forgotten", False: "forgotten here; the server was not told", None: "no sign-in"}
    screen.stdout().print(f"{where}: {said[revoked]}", markup=False)


async def _login(resource: str, scopes: list[str], program: Program, settings: Settings, browser: Browser) -> Token:
    try:
        async with (
            patient_http(settings) as http,
            person_tokens(settings, http, browser=browser, program=program) as tokens,
        ):
            return await tokens.login(resource, scopes)
    except OAuthClientError as error:
        raise Failure(str(error)) from error


async def _logout(resource: str, settings: Settings) -> bool | None:
    try:
        async with patient_http(settings) as http, person_tokens(settings, http) as tokens:
            return await tokens.logout(resource)
    except OAuthClientError as error:
        raise Failure(str(error)) from error
