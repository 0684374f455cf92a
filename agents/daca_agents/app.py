"""Puts an agent together: its profile, its tokens, its tools, its model, and the door in front of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from daca_agents.asking import note_failure
from daca_agents.endpoint import ask_endpoint
from daca_agents.mind import choose
from daca_agents.profile import Profile
from daca_agents.settings import Settings
from daca_agents.toolbox import Sources, Toolbox
from oauth_client import ClientSecret, Credentials, Exchanges, Tokens, WorkloadToken
from resource_server import Door
from sidecar.connect import Sidecar
from sidecar.doors import told_to
from sidecar.secrets import SecretMissing, Secrets

_MAX_BODY = 64 * 1024


def create_app(settings: Settings, sidecar: Sidecar, profile: Profile) -> Door:
    """One agent as an ASGI app: `/healthz` for anyone, `POST /ask` through the door."""
    http = httpx2.AsyncClient(transport=sidecar.transport, timeout=httpx2.Timeout(10))
    credentials = credentials_of(settings, sidecar.secrets, profile.client_id)
    toolbox = Toolbox(
        profile,
        sources=Sources(
            own=Tokens(credentials=credentials, http=http, issuer=settings.issuer),
            callers=Exchanges(credentials=credentials, http=http, issuer=settings.issuer),
        ),
        transport=sidecar.transport,
        failed=note_failure,
        acts=settings.acts,
    )

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await toolbox.aclose()

    app = FastAPI(title=profile.name, description=profile.description, docs_url=None, redoc_url=None, lifespan=life)
    app.include_router(ask_endpoint(profile, choose(settings, profile), toolbox))
    return Door(
        app,
        resource=settings.resource or profile.resource,
        issuer=settings.issuer,
        http=http,
        name=profile.name,
        scopes=("agent:ask",),
        max_body=_MAX_BODY,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        decided=told_to(sidecar.audit),
    )


async def check_secret(secrets: Secrets, client_id: str) -> None:
    """An agent without its secret does not start. Raises SecretMissing, SecretsUnavailable."""
    await _secret_of(secrets, client_id)()


def credentials_of(settings: Settings, secrets: Secrets, client_id: str) -> Credentials:
    """How the agent proves itself: by the workload identity that its platform gives it, else by its secret."""
    if settings.workload_token_file is not None:
        return WorkloadToken(client_id, settings.workload_token_file)
    return ClientSecret(client_id, _secret_of(secrets, client_id))


def _secret_of(secrets: Secrets, client_id: str) -> Callable[[], Awaitable[str]]:
    """Asked at start and again when the authorization server refuses the client: a rotated secret is picked up."""
    name = f"client-{client_id}"

    async def read() -> str:
        secret = (await secrets.get(name)).get("secret", "")
        if not secret:
            raise SecretMissing(
                f"secret {name!r} has no key 'secret': register the client (`daca client add {client_id}`) "
                f"or put its secret into the secret store under that name"
            )
        return secret

    return read
