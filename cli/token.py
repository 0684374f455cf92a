"""`daca token`: an access token for one resource, and nothing else on stdout."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import httpx2
import typer

from cli.credentials import credentials_of
from cli.errors import Failure
from cli.options import Client, Data, Identity, Scopes, settings_here
from cli.patience import patient_http
from cli.settings import Settings
from cli.targets import resolve
from oauth_client import OAuthClientError, Token, Tokens

_Resource = Annotated[
    str, typer.Argument(metavar="RESOURCE", help="Whom the token is for: a URI, or a name like notes.")
]


def token(
    context: typer.Context,
    resource: _Resource,
    client: Client,
    scope: Scopes = None,
    data: Data = None,
    identity: Identity = None,
) -> None:
    """Print a token for RESOURCE, found from the resource's own metadata.

    The client's secret comes from this system's secret store, or from DACA_CLIENT_SECRET or DACA_CLIENT_KEY.
    """
    settings = settings_here(context, data, identity)
    print(asyncio.run(_fetch(resolve(resource, settings), client, scope or (), settings)).access_token)


async def _fetch(resource: str, client_id: str, scopes: Sequence[str], settings: Settings) -> Token:
    async with patient_http(settings) as http:
        return await fetch_token(http, resource, client_id, scopes, settings)


async def fetch_token(
    http: httpx2.AsyncClient, resource: str, client_id: str, scopes: Sequence[str], settings: Settings
) -> Token:
    """Discovery from the resource, then the token. Raises Failure."""
    proven = credentials_of(client_id, settings)
    tokens = Tokens(credentials=proven.credentials, http=http, issuer=proven.issuer)
    try:
        return await tokens.fetch(resource, tuple(scopes))
    except OAuthClientError as error:
        raise Failure(f"no token for {resource}: {error}") from error
