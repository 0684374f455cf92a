"""Against the authorization server of this house, in process: a person is asked, and decides between two polls."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from oauth_client import (
    AccessDenied,
    Asking,
    Backchannel,
    BadTokenAnswer,
    ClientSecret,
    ConsentExpired,
    InsufficientScope,
    MethodNotOffered,
    Policy,
    Token,
    TokenAuth,
    TokenRefused,
    Tokens,
    Waiting,
)
from sidecar.embedded import SqliteState
from tests.auth_server.asking import AGENTS, REASON, WITH_ASKING, at_requests, decide, with_asking
from tests.auth_server.world import ISSUER, NOTES, Clock, Interruptible, Server, World
from tests.oauth_client.town import Town

SECRET = AGENTS["quill"].partition(":")[2]
QUILL = WITH_ASKING.replace(
    "secret: client-quill\n    resources: {}",
    'secret: client-quill\n    resources: { "http://localhost:8000/mcp": [mcp:read] }',
)
Answer = Callable[[httpx2.Request, httpx2.Response], httpx2.Response | None]


@dataclass
class Notes:
    """A resource that reads its tokens and says what is missing; `delete` needs mcp:delete."""

    tokens: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Request(scope, receive))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        where = "/.well-known/oauth-protected-resource/mcp"
        if request.url.path == where:
            return JSONResponse({"resource": NOTES, "authorization_servers": [ISSUER]})
        needed = "mcp:delete" if request.headers.get("mcp-name") == "delete" else "mcp:read"
        header = request.headers.get("authorization")
        if header is None:
            said = f'Bearer resource_metadata="http://localhost:8000{where}", scope="mcp:read"'
            return Response(status_code=401, headers={"www-authenticate": said})
        claims = claims_of(header.removeprefix("Bearer "))
        if needed not in claims["scope"].split():
            said = f'Bearer error="insufficient_scope", scope="{needed}"'
            return Response(status_code=403, headers={"www-authenticate": said})
        self.tokens.append(claims)
        return Response("served")


class Wire(httpx2.AsyncBaseTransport):
    """The way to the authorization server: counts, and puts other answers in place where a test wants them."""

    def __init__(self, clock: Clock, there: httpx2.AsyncBaseTransport) -> None:
        self._clock, self._there = clock, there
        self.asked: list[dict[str, str]] = []
        self.polls: list[float] = []
        self.instead: Answer = lambda _request, _answer: None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        form = {name: values[0] for name, values in parse_qs((await request.aread()).decode()).items()}
        if request.url.path == "/bc-authorize":
            self.asked.append(form)
        if "auth_req_id" in form:
            self.polls.append(self._clock.now)
        answer = await self._there.handle_async_request(request)
        await answer.aread()
        told = self.instead(request, answer) or answer
        return httpx2.Response(told.status_code, headers=told.headers, content=_anew(told.content))


async def _anew(body: bytes) -> AsyncGenerator[bytes]:
    """A body that was read once, to be read again."""
    yield body


@dataclass(kw_only=True)
class Scene:
    """One agent, one person, and what happens while the agent waits."""

    server: Server
    wire: Wire
    notes: Notes
    http: httpx2.AsyncClient
    clock: Clock
    heard: list[Waiting] = field(default_factory=list[Waiting])
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list[Callable[[], Awaitable[object]]])

    @property
    def policy(self) -> Policy:
        return Policy(clock=self.clock, uniform=lambda low, _high: low)

    async def pause(self, seconds: float) -> None:
        self.clock.now += seconds
        await asyncio.sleep(0)
        if self.meanwhile:
            await self.meanwhile.pop(0)()

    def backchannel(self) -> Backchannel:
        proof = ClientSecret("quill", SECRET)
        return Backchannel(
            credentials=proof, http=self.http, issuer=ISSUER, policy=self.policy, pause=self.pause, wall=self.clock
        )

    def decides(self, *decisions: str) -> None:
        """One thing a pause: nothing, or what grace chooses."""
        self.meanwhile = [self._deciding(decision) for decision in decisions]

    def _deciding(self, decision: str) -> Callable[[], Awaitable[object]]:
        async def deciding() -> None:
            if decision:
                await decide(await at_requests(self.server), decision)

        return deciding

    async def ask(self, backchannel: Backchannel, *scopes: str, **more: str) -> Token:
        said = {"login_hint": "u-grace", "subject": "u-grace", "binding_message": REASON, **more}
        return await backchannel.ask(NOTES, scopes or ("mcp:delete",), told=self.heard.append, **said)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncGenerator[Scene]:
    clock = Clock()
    async with SqliteState(tmp_path / "state.db", "auth-server", clock=clock) as state:
        world = World(folder=tmp_path, state=Interruptible(state), clock=clock)
        with_asking(world, QUILL)
        await world.seed()
        async with world.server() as server:
            town, notes = Town(), Notes()
            town.build("http://localhost:8000", notes)
            wire = Wire(clock, server.http._transport)  # pyright: ignore[reportPrivateUsage]
            town.apps[ISSUER] = wire
            async with httpx2.AsyncClient(transport=town) as http:
                yield Scene(server=server, wire=wire, notes=notes, http=http, clock=clock)


async def test_a_person_is_asked_and_what_they_allow_is_a_token_in_their_name(scene: Scene) -> None:
    scene.decides("", "", "once")
    async with scene.backchannel() as backchannel:
        token = await scene.ask(backchannel)

    claims = claims_of(token.access_token)
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("u-grace", "quill", NOTES)
    assert token.scopes == {"mcp:delete", "openid"}
    (waiting,) = scene.heard
    assert (waiting.where, waiting.resource, waiting.scopes) == (f"{ISSUER}/requests", NOTES, {"mcp:delete"})
    assert waiting.binding_message == REASON
    assert [later - earlier for earlier, later in zip(scene.wire.polls, scene.wire.polls[1:], strict=False)] == [5] * 3


async def test_a_refusal_is_the_persons_and_is_said_so(scene: Scene) -> None:
    scene.decides("refuse")
    async with scene.backchannel() as backchannel:
        with pytest.raises(AccessDenied, match="the person said no"):
            await scene.ask(backchannel)


async def test_nobody_is_waited_for_longer_than_the_server_says(scene: Scene) -> None:
    async with scene.backchannel() as backchannel:
        with pytest.raises(ConsentExpired, match="within 300 seconds"):
            await scene.ask(backchannel)
    assert scene.wire.polls[-1] - scene.wire.polls[0] < 300


async def test_whoever_is_told_to_slow_down_does_so_for_good(scene: Scene) -> None:
    told = iter(["slow_down", "authorization_pending", "slow_down"])

    def instead(_request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response | None:
        error = next(told, None) if scene.wire.polls else None
        return httpx2.Response(400, json={"error": error}) if error else None

    scene.wire.instead = instead
    scene.decides("", "", "once")
    async with scene.backchannel() as backchannel:
        await scene.ask(backchannel)
    assert [later - earlier for earlier, later in zip(scene.wire.polls, scene.wire.polls[1:], strict=False)] == [
        10,
        10,
        15,
    ]


async def test_a_server_that_is_away_for_a_while_ends_nothing(scene: Scene) -> None:
    def instead(request: httpx2.Request, _answer: httpx2.Response) -> httpx2.Response | None:
        if len(scene.wire.polls) == 2:
            raise httpx2.ConnectError("away", request=request)
        return httpx2.Response(503, json={"error": "temporarily_unavailable"}) if len(scene.wire.polls) == 3 else None

    scene.wire.instead = instead
    scene.decides("", "", "once")
    async with scene.backchannel() as backchannel:
        assert (await scene.ask(backchannel)).scopes == {"mcp:delete", "openid"}
    assert [later - earlier for earlier, later in zip(scene.wire.polls, scene.wire.polls[1:], strict=False)] == [
        5,
        10,
        15,
    ]


async def test_one_question_is_asked_once_and_everybody_who_waits_hears_of_it(scene: Scene) -> None:
    scene.decides("", "once")
    async with scene.backchannel() as backchannel:
        first, second = await asyncio.gather(scene.ask(backchannel), scene.ask(backchannel))
        again = await scene.ask(backchannel)
    assert first is second is again
    assert len(scene.wire.asked) == 1
    assert len(scene.heard) == 2


async def test_what_is_allowed_on_behalf_of_one_caller_serves_no_other(scene: Scene) -> None:
    scene.decides("once", "once")
    async with scene.backchannel() as backchannel:
        one = await scene.ask(backchannel, behalf="desk")
        other = await scene.ask(backchannel, behalf="portal")
    assert one.access_token != other.access_token
    assert len(scene.wire.asked) == 2


async def test_who_gives_up_ends_it_for_itself_and_the_last_one_for_all(scene: Scene) -> None:
    held, waits = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        waits.set()
        await held.wait()

    scene.meanwhile = [hold]
    async with scene.backchannel() as backchannel:
        waiting = [asyncio.create_task(scene.ask(backchannel)) for _ in range(2)]
        await waits.wait()
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        assert not waiting[1].done()
        waiting[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        polled = len(scene.wire.polls)
        held.set()
        await asyncio.sleep(0.01)
        assert len(scene.wire.polls) == polled

        scene.decides("once", "once")  # what was given up still waits on the page, and comes first
        assert (await scene.ask(backchannel)).scopes == {"mcp:delete", "openid"}


async def test_within_an_hour_that_was_allowed_nobody_is_told_of_anything(scene: Scene) -> None:
    scene.decides("hour")
    async with scene.backchannel() as backchannel:
        first = await scene.ask(backchannel)
        scene.clock.now += 600
        second = await scene.ask(backchannel)
    assert first.access_token != second.access_token
    assert len(scene.heard) == 1
    assert len(scene.wire.asked) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"backchannel_authentication_endpoint": None},
        {"backchannel_token_delivery_modes_supported": ["ping", "push"]},
        {"grant_types_supported": ["client_credentials"]},
    ],
)
async def test_a_server_that_does_not_offer_it_is_asked_for_nothing(scene: Scene, changed: dict[str, object]) -> None:
    def instead(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        if "well-known" not in request.url.path:
            return None
        told = {**answer.json(), **changed}
        return httpx2.Response(200, json={name: value for name, value in told.items() if value is not None})

    scene.wire.instead = instead
    async with scene.backchannel() as backchannel:
        with pytest.raises(MethodNotOffered):
            await scene.ask(backchannel)
    assert scene.wire.asked == []


@pytest.mark.parametrize(
    "changed",
    [
        {"auth_req_id": ""},
        {"auth_req_id": "a b"},
        {"auth_req_id": "é"},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"interval": 0},
        {"interval": True},
    ],
)
async def test_an_acknowledgement_that_is_none_is_refused(scene: Scene, changed: dict[str, object]) -> None:
    def instead(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        return httpx2.Response(200, json={**answer.json(), **changed}) if request.url.path == "/bc-authorize" else None

    scene.wire.instead = instead
    async with scene.backchannel() as backchannel:
        with pytest.raises(BadTokenAnswer):
            await scene.ask(backchannel)
    assert scene.wire.polls == []


@pytest.mark.parametrize("changed", [{"sub": "u-alan"}, {"aud": "raven"}, {"iss": "https://x.example"}, {"exp": 1}, {}])
async def test_a_token_that_somebody_else_allowed_is_not_taken(scene: Scene, changed: dict[str, object]) -> None:
    def instead(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        if request.url.path != "/token" or answer.status_code != 200:
            return None
        told = answer.json()
        payload = json.dumps({**claims_of(told["id_token"]), **changed}).encode()
        forged = base64.urlsafe_b64encode(payload).decode().rstrip("=") if changed else "x"
        return httpx2.Response(200, json={**told, "id_token": f"e30.{forged}.x"})

    scene.wire.instead = instead
    scene.decides("once")
    async with scene.backchannel() as backchannel:
        with pytest.raises(BadTokenAnswer, match="ID token"):
            await scene.ask(backchannel)


@pytest.mark.parametrize("where", ["javascript:alert(1)", "https://x.example/a b", "", None, 7])
async def test_a_page_that_is_none_of_the_web_is_shown_to_nobody(scene: Scene, where: object) -> None:
    def instead(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        changed = {**answer.json(), "verification_uri": where} if request.url.path == "/bc-authorize" else None
        return None if changed is None else httpx2.Response(200, json=changed)

    scene.wire.instead = instead
    scene.decides("once")
    async with scene.backchannel() as backchannel:
        await scene.ask(backchannel)
    assert scene.heard[0].where == ""


async def test_a_server_that_will_not_ask_says_why_and_nothing_secret_is_told(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "oauth_client")
    async with scene.backchannel() as backchannel:
        with pytest.raises(TokenRefused, match="invalid_scope") as refused:
            await scene.ask(backchannel, "mcp:admin")
        scene.decides("once")
        token = await scene.ask(backchannel)
    for said in (str(refused.value), caplog.text):
        assert SECRET not in said
        assert token.access_token not in said


def guarded(scene: Scene, backchannel: Backchannel, *may_ask: str, on_failure: Any = "raise") -> httpx2.AsyncClient:
    """The agent's own client, whose tokens reach as far as its own rights, or as a person lets them."""
    tokens = Tokens(credentials=ClientSecret("quill", SECRET), http=scene.http, issuer=ISSUER, policy=scene.policy)
    source = Asking(
        backchannel=backchannel,
        source=tokens,
        subject="u-grace",
        may_ask=may_ask,
        binding_message=REASON,
        told=scene.heard.append,
    )
    auth = TokenAuth(source, resource=NOTES, on_failure=on_failure)
    return httpx2.AsyncClient(transport=scene.http._transport, auth=auth)  # pyright: ignore[reportPrivateUsage]


async def test_an_operation_that_needs_more_asks_and_every_other_goes_on_as_before(scene: Scene) -> None:
    scene.decides("once")
    async with scene.backchannel() as backchannel, guarded(scene, backchannel, "mcp:delete") as http:
        for tool in ("read", "delete", "read", "delete"):
            answer = await http.post(NOTES, headers={"mcp-name": tool})
            assert answer.status_code == 200

    assert [claims["sub"] for claims in scene.notes.tokens] == ["client:quill", "u-grace", "client:quill", "u-grace"]
    assert [form["scope"] for form in scene.wire.asked] == ["mcp:delete openid"]


async def test_what_may_not_be_asked_is_not_asked(scene: Scene) -> None:
    async with scene.backchannel() as backchannel, guarded(scene, backchannel, "mcp:write") as http:
        with pytest.raises(InsufficientScope):
            await http.post(NOTES, headers={"mcp-name": "delete"})
    assert scene.wire.asked == []


async def test_a_no_is_the_end_of_that_operation_for_a_while(scene: Scene) -> None:
    scene.decides("refuse")
    async with scene.backchannel() as backchannel, guarded(scene, backchannel, "mcp:delete") as http:
        for _ in range(2):
            with pytest.raises(InsufficientScope):
                await http.post(NOTES, headers={"mcp-name": "delete"})
        assert (await http.post(NOTES, headers={"mcp-name": "read"})).status_code == 200
    assert len(scene.wire.asked) == 1


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, whoever signed it."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
