"""Puts an agent together: its profile, its tokens, its tools, its model, and the door in front of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.types import Lifespan

from daca_agents.a2a_card import Card, plain_card
from daca_agents.a2a_server import CARD_PATH, A2AServer
from daca_agents.approvals import Resumed
from daca_agents.asking import Happening, Question, ask
from daca_agents.audit import note_decisions
from daca_agents.endpoint import ask_endpoint
from daca_agents.errand import Event, note_failure
from daca_agents.executor import Executor
from daca_agents.memory import Lazy, memory_of
from daca_agents.mind import choose
from daca_agents.profile import Profile
from daca_agents.replica import tasks_in
from daca_agents.settings import Settings
from daca_agents.shape import ASK
from daca_agents.toolbox import Sources, Toolbox
from daca_agents.waiting import Waiting
from oauth_client import Backchannel, ClientSecret, Credentials, Exchanges, Tokens, WorkloadToken
from resource_server import Caller, Door
from sidecar.connect import Sidecar
from sidecar.doors import told_to
from sidecar.secrets import SecretMissing, Secrets

_MAX_BODY = 64 * 1024


def create_app(settings: Settings, sidecar: Sidecar, profile: Profile) -> Door:
    """One agent as an ASGI app: `/healthz` and its card for anyone, `POST /ask` and `POST /a2a` through the door."""
    http = _http(sidecar)
    resource, mind = settings.resource or profile.resource, choose(settings, profile)
    toolbox = toolbox_of(settings, sidecar, profile)
    memory = Lazy(lambda: memory_of(sidecar, settings.data, profile.client_id))
    tasks = tasks_in(sidecar.state)

    def asking(question: Question, caller: Caller) -> AsyncGenerator[Happening]:
        return ask(profile, mind, toolbox.of(caller), question)

    def noting(resumed: Resumed, caller: Caller) -> Iterable[Event]:
        return note_decisions(resumed, caller, profile, sidecar.audit)

    card = Card(plain_card(profile, resource=resource), issuer=settings.issuer, scopes=profile.scopes, http=http)
    a2a = A2AServer(tasks, Executor(asking, noting, memory.of, tasks), card)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncGenerator[None]:
        async with memory.open(), a2a.living():
            yield
        await toolbox.aclose()

    app = _app(profile, living, [*ask_endpoint(asking, Waiting(tasks.store, tasks.parked)).routes, *a2a.routes])
    return Door(
        app,
        resource=resource,
        issuer=settings.issuer,
        http=http,
        name=profile.name,
        scopes=(ASK,),
        implies={scope: (ASK,) for scope in profile.scopes if scope != ASK},
        public_paths=("/healthz", CARD_PATH),
        max_body=_MAX_BODY,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        decided=told_to(sidecar.audit),
    )


def toolbox_of(settings: Settings, sidecar: Sidecar, profile: Profile) -> Toolbox:
    """Everything the agent can do, for its callers and by itself."""
    http = _http(sidecar)
    credentials = credentials_of(settings, sidecar.secrets, profile.client_id)
    sources = Sources(
        own=Tokens(credentials=credentials, http=http, issuer=settings.issuer),
        people=Backchannel(credentials=credentials, http=http, issuer=settings.issuer),
        callers=Exchanges(credentials=credentials, http=http, issuer=settings.issuer),
    )
    return Toolbox(profile, sources=sources, transport=sidecar.transport, failed=note_failure, acts=settings.acts)


def _http(sidecar: Sidecar) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=sidecar.transport, timeout=httpx2.Timeout(10))


def _app(profile: Profile, living: Lifespan[FastAPI], routes: list[BaseRoute]) -> FastAPI:
    return FastAPI(
        title=profile.name,
        description=profile.description,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=living,
        routes=routes,
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
