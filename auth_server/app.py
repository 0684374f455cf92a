"""Puts everything together; the only file that knows every endpoint."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from fastapi import FastAPI

from auth_server.backchannel_routes import backchannel_grant, backchannel_route
from auth_server.delegation_grants import delegation_grants
from auth_server.endpoints.introspect import introspect_endpoint
from auth_server.endpoints.jwks import jwks_endpoint
from auth_server.endpoints.metadata import metadata_endpoint
from auth_server.endpoints.par import par_endpoint
from auth_server.endpoints.revoke import revoke_endpoint
from auth_server.endpoints.token import TokenEndpoint
from auth_server.endpoints.tokens import Tokens
from auth_server.endpoints.userinfo import userinfo_endpoint
from auth_server.form import Form
from auth_server.front import Front, Route
from auth_server.grants import client_credentials
from auth_server.grants.authorization_code import AuthorizationCode
from auth_server.grants.refresh_token import RefreshToken
from auth_server.human_routes import human_routes, the_human
from auth_server.issuer_keys import Http, direct
from auth_server.models import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN, Client, Grant, Identity
from auth_server.parts import Clock, Parts, open_parts
from auth_server.proxies import networks
from auth_server.registration_routes import registration_routes, renewing
from auth_server.rules import rfc8414_metadata
from auth_server.settings import Settings
from sidecar.connect import Sidecar
from sidecar.probes import PROBES
from sidecar.process import Process, run

APP_ID = "auth-server"


def create_app(
    settings: Settings, sidecar: Sidecar, *, parts: Parts | None = None, http: Http = direct, clock: Clock = time.time
) -> Front:
    """The ASGI app. Its lifespan opens the parts unless they are given, and keeps them fresh."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        opened = parts or await open_parts(settings, sidecar, http=http, clock=clock)
        front.routes = routes(settings.issuer, opened, clock)
        polling = asyncio.create_task(opened.keep_fresh(lambda: asyncio.sleep(settings.poll_seconds)))
        try:
            yield
        finally:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling

    # No pages that would load scripts from elsewhere; the protocol's endpoints describe themselves in the metadata.
    api = FastAPI(title="auth-server", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    for path in sorted(PROBES):
        api.add_api_route(path, _healthz)
    front = Front(behind=api, proxies=networks(settings.trusted_proxies), audit=sidecar.audit)
    return front


def routes(issuer: str, parts: Parts, clock: Clock) -> Mapping[str, Route]:
    """Every path of the protocol; an issuer with a path has its endpoints below it."""
    path = urlsplit(issuer).path
    return {**_documents(issuer, parts), f"{path}/jwks.json": _jwks(parts)} | {
        f"{path}/{route.name}": route for route in _endpoints(issuer, parts, clock)
    }


def _documents(issuer: str, parts: Parts) -> dict[str, Route]:
    def identity() -> Identity:
        return parts.directory.identity

    oauth, openid = rfc8414_metadata.paths(issuer)
    one = metadata_endpoint(rfc8414_metadata.metadata, issuer, identity)
    other = metadata_endpoint(rfc8414_metadata.openid_metadata, issuer, identity)
    routes = {path: Route(name="metadata", endpoint=one, methods=("GET", "HEAD")) for path in oauth}
    return routes | {path: Route(name="metadata", endpoint=other, methods=("GET", "HEAD")) for path in openid}


def _jwks(parts: Parts) -> Route:
    return Route(name="jwks", endpoint=jwks_endpoint(parts.keys), methods=("GET", "HEAD"))


def _endpoints(issuer: str, parts: Parts, clock: Clock) -> tuple[Route, ...]:
    async def redeemed(form: Form, client: Client) -> Grant:
        return machine(form, client)

    def identity() -> Identity:
        return parts.directory.identity

    machine = client_credentials.Entitlements(identity)
    prove, keys, spent = parts.authentication, parts.keys, parts.spent
    tokens = Tokens(keys=keys, spent=spent, permissions=parts.permissions, clock=clock)
    grants = {
        **delegation_grants(issuer, parts, tokens, identity, clock),
        **backchannel_grant(parts, identity, clock),
        CLIENT_CREDENTIALS: redeemed,
        AUTHORIZATION_CODE: renewing(AuthorizationCode(parts.permissions, identity, clock), parts.applications),
        REFRESH_TOKEN: renewing(
            RefreshToken(parts.permissions, parts.newcomers.may_go_on, identity, clock, userinfo=f"{issuer}/userinfo"),
            parts.applications,
        ),
    }
    token = TokenEndpoint(
        authenticate=prove, grants=grants, known=prove.at_once, machine=machine, keys=keys, issuer=issuer, clock=clock
    )
    human = the_human(issuer, parts, clock)
    return (
        Route(name="token", endpoint=token, at_once=token.at_once),
        Route(
            name="introspect",
            endpoint=introspect_endpoint(prove, tokens, identity),
        ),
        Route(name="revoke", endpoint=revoke_endpoint(prove, tokens)),
        *registration_routes(issuer, parts, clock),
        Route(name="par", endpoint=par_endpoint(human, prove)),
        backchannel_route(issuer, parts, identity, clock),
        Route(
            name="userinfo", endpoint=userinfo_endpoint(tokens, f"{issuer}/userinfo"), methods=("GET", "HEAD", "POST")
        ),
        *human_routes(human, parts, clock),
    )


async def _healthz() -> dict[str, str]:
    return {"status": "ok"}


def main() -> None:
    """Run until told to stop. The parts are opened first, so that a bad start is one clear line."""
    settings = Settings()

    async def build(sidecar: Sidecar) -> Front:
        parts = await open_parts(settings, sidecar, http=direct, clock=time.time)
        return create_app(settings, sidecar, parts=parts)

    where = Process(app_id=APP_ID, host=settings.host, port=settings.port, data=settings.data, routes=settings.routes)
    run(build, where)
