"""One authorization server in process, with everything around it in the test's hands."""

import asyncio
import base64
import json
import os
import warnings
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwk, jwt
from joserfc.errors import SecurityWarning

from auth_server.app import create_app
from auth_server.issuer_keys import Http, direct
from auth_server.key_ring import first
from auth_server.keys import fresh_keys
from auth_server.models import Ring
from auth_server.parts import Parts, open_parts
from auth_server.passwords import hash_password
from auth_server.sealing import Sealer
from auth_server.settings import Settings
from auth_server.store.records import RingRecords
from sidecar.callers import Callers
from sidecar.connect import Sidecar
from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.state import Entry, Json, State, StateUnavailable

ISSUER = "http://localhost:9000"
NOTES = "http://localhost:8000/mcp"
CLOCK = "http://localhost:8001/mcp"
REPORTS = "https://reports.example/mcp"
KUBERNETES = "https://kubernetes.default.svc"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
START = 1_700_000_000.0

SECRETS = {
    "auth-server-kek": {"kek": base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=")},
    "client-researcher": {"secret": "researcher-secret-of-many-characters"},
    "client-operator": {"secret": "operator-secret-of-many-characters", "previous": "operator-secret-of-last-year"},
    "client-portal": {"secret": "portal-secret-of-many-characters"},
    "user-grace": {"password": "grace's password"},
    "user-alan": {"password_hash": hash_password("alan's password")},
}
RESEARCHER = "researcher:" + SECRETS["client-researcher"]["secret"]
PORTAL = "portal:" + SECRETS["client-portal"]["secret"]
OPERATOR = "operator:" + SECRETS["client-operator"]["secret"]

IDENTITY = """
version: 1
scopes:
  mcp:write: { implies: [mcp:read] }
resources:
  - name: notes
    uri: http://localhost:8000/mcp
    scopes: { "mcp:read": Read, "mcp:write": Write, "mcp:delete": Delete }
    default_scopes: [mcp:read]
    introspection: [operator]
  - name: clock
    uri: http://localhost:8001/mcp
    scopes: { "mcp:read": Ask }
    default_scopes: [mcp:read]
    token_lifetime: 120
    signing_alg: EdDSA
  - name: reports
    uri: https://reports.example/mcp
    scopes: { "mcp:read": Read, "mcp:write": Write }
    signing_alg: RS256
clients:
  - client_id: researcher
    token_endpoint_auth_method: client_secret_basic
    secret: client-researcher
    resources: { "http://localhost:8000/mcp": [mcp:read] }
  - client_id: operator
    token_endpoint_auth_method: client_secret_post
    secret: client-operator
    resources:
      http://localhost:8000/mcp: [mcp:write, mcp:delete]
      http://localhost:8001/mcp: [mcp:read]
      https://reports.example/mcp: [mcp:read]
  - client_id: keyed
    token_endpoint_auth_method: private_key_jwt
    jwks: { keys: [KEYED] }
    resources: { "http://localhost:8000/mcp": [mcp:read] }
  - client_id: scribe
    token_endpoint_auth_method: private_key_jwt
    workload: { issuer: "https://kubernetes.default.svc", subject: "system:serviceaccount:daca:scribe" }
    resources: { "http://localhost:8000/mcp": [mcp:read] }
  - client_id: desk
    client_name: Desk, an editor
    token_endpoint_auth_method: none
    grant_types: [authorization_code, refresh_token]
    application_type: native
    redirect_uris: [http://127.0.0.1/callback, "http://[::1]/callback", http://localhost/callback]
  - client_id: portal
    client_name: The Portal
    client_uri: https://portal.example/about
    token_endpoint_auth_method: client_secret_basic
    secret: client-portal
    grant_types: [authorization_code, refresh_token]
    redirect_uris: ["https://portal.example/callback", "https://portal.example/other?fixed=1"]
    resources:
      http://localhost:8000/mcp: [mcp:write]
      http://localhost:8001/mcp: [mcp:read]
  - client_id: kiosk
    token_endpoint_auth_method: none
    grant_types: [authorization_code]
    redirect_uris: [https://kiosk.example/callback]
    resources: { "http://localhost:8000/mcp": [mcp:read] }
users:
  - { name: grace, subject: u-grace, secret: user-grace }
  - { name: alan, subject: u-alan, secret: user-alan }
trusted_issuers:
  - issuer: https://kubernetes.default.svc
    jwks_uri: https://kubernetes.default.svc/openid/v1/jwks
    algorithms: [ES256]
    replay: REPLAY
"""

CLIENT_KEY = jwk.ECKey.import_key(ec.derive_private_key(11, ec.SECP256R1()), {"kid": "client-key"})
KUBERNETES_KEY = jwk.ECKey.import_key(ec.derive_private_key(12, ec.SECP256R1()), {"kid": "cluster-1"})
OTHER_KEY = jwk.ECKey.import_key(ec.derive_private_key(13, ec.SECP256R1()), {"kid": "client-key"})


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        """Whoever waits lets everybody else go on, and then it is later."""
        for _ in range(100):
            await asyncio.sleep(0)
        self.now += seconds


class StoredSecrets:
    """A secret store to write into, or to take away."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, str]] = {name: dict(values) for name, values in SECRETS.items()}
        self.away = False
        self.reads: list[str] = []

    async def get(self, name: str) -> Mapping[str, str]:
        self.reads.append(name)
        if self.away:
            raise SecretsUnavailable("the secret store is away")
        if name not in self.found:
            raise SecretMissing(f"secret {name!r} is missing")
        return self.found[name]


class Interruptible:
    """A state that can be taken away, and counts what is asked of it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.away = False
        self.asked = 0

    def _up(self) -> State:
        self.asked += 1
        if self.away:
            raise StateUnavailable("the store is away")
        return self._state

    async def get(self, key: str) -> Entry | None:
        return await self._up().get(key)

    async def insert(self, key: str, value: Json, *, ttl: int | None = None) -> bool:
        return await self._up().insert(key, value, ttl=ttl)

    async def replace(self, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
        return await self._up().replace(key, value, etag, ttl=ttl)

    async def put(self, key: str, value: Json, *, ttl: int | None = None) -> None:
        await self._up().put(key, value, ttl=ttl)

    async def delete(self, key: str) -> None:
        await self._up().delete(key)


@dataclass(kw_only=True)
class World:
    """Everything around the servers of one installation."""

    folder: Path
    state: Interruptible
    secrets: StoredSecrets = field(default_factory=StoredSecrets)
    clock: Clock = field(default_factory=Clock)
    http: Http = direct
    callers: Callers = field(default_factory=Callers)

    @property
    def identity(self) -> Path:
        return self.folder / "identity.yaml"

    def write_identity(self, text: str = IDENTITY, *, replay: str = "refuse") -> None:
        public = json.dumps(CLIENT_KEY.as_dict(private=False))
        new = self.folder / "new.yaml"
        new.write_text(text.replace("KEYED", public).replace("REPLAY", replay), encoding="utf-8")
        new.rename(self.identity)

    async def seed(self) -> None:
        """Put one ring for the whole session into the store: making RSA keys is what takes long."""
        await RingRecords(self.state).insert(_ring())

    @asynccontextmanager
    async def server(self, issuer: str = ISSUER) -> AsyncGenerator["Server"]:
        """One replica: a second one shares state and secrets with it, nothing else."""
        settings = Settings(issuer=issuer, identity=self.identity, data=self.folder, poll_seconds=60)
        sidecar = Sidecar(
            mode="embedded",
            state=self.state,
            secrets=self.secrets,
            transport=httpx2.AsyncHTTPTransport(),
            callers=self.callers,
        )
        parts = await open_parts(settings, sidecar, http=self.http, clock=self.clock, pause=self.clock.pause)
        app = create_app(settings, sidecar, parts=parts, clock=self.clock)
        api = cast("Any", app.behind)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            api.router.lifespan_context(api),
            httpx2.AsyncClient(transport=transport, base_url=issuer) as client,
        ):
            yield Server(world=self, http=client, parts=parts, issuer=issuer)


@cache
def _ring() -> Ring:
    sealer = Sealer([b"k" * 32])
    return first(fresh_keys(sealer, int(START)), fresh_keys(sealer, int(START)), int(START))


@dataclass(kw_only=True)
class Server:
    """One replica, and the ways to ask it."""

    world: World
    http: httpx2.AsyncClient
    parts: Parts
    issuer: str

    async def post(self, path: str, form: Mapping[str, str] | str, *, basic: str | None = None) -> httpx2.Response:
        """A form, as `client:secret` with Basic, or with what the form itself holds."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if basic is not None:
            headers["authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
        if isinstance(form, str):
            return await self.http.post(path, content=form.encode(), headers=headers)
        return await self.http.post(path, data=dict(form), headers=headers)

    async def token(self, *, basic: str | None = RESEARCHER, **form: str) -> httpx2.Response:
        return await self.post("/token", {"grant_type": "client_credentials", **form}, basic=basic)

    async def operator(self, **form: str) -> httpx2.Response:
        return await self.token(basic=OPERATOR, **form)

    async def with_assertion(self, assertion: str, **form: str) -> httpx2.Response:
        given = {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}
        return await self.token(basic=None, **given, **form)

    async def keys(self) -> list[dict[str, Any]]:
        return (await self.http.get("/jwks.json")).json()["keys"]

    async def verified(self, token: str) -> jwt.Token:
        """The token, its signature checked with the published keys by joserfc."""
        keys = jwk.KeySet.import_key_set({"keys": await self.keys()})  # type: ignore[typeddict-item]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA, which RFC 9864 replaces
            return jwt.decode(token, keys, algorithms=["ES256", "RS256", "EdDSA"])


def claims(client_id: str = "keyed", /, **changed: object) -> dict[str, Any]:
    """The claims of a sound assertion; None takes one away."""
    jti = base64.b32encode(os.urandom(10)).decode()
    sound = {"iss": client_id, "sub": client_id, "aud": ISSUER, "exp": START + 60, "iat": START, "jti": jti}
    return {name: value for name, value in {**sound, **changed}.items() if value is not None}


def part(value: object) -> str:
    """One part of a compact JWS."""
    return urlsafe(json.dumps(value).encode())


def urlsafe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(
    payload: Mapping[str, object], key: jwk.ECKey = CLIENT_KEY, header: Mapping[str, object] | None = None
) -> str:
    """A compact JWS over any header and claims, sound or not: no library that would refuse to make it."""
    body = part({"alg": "ES256", "kid": key.kid, **(header or {})}) + "." + part(dict(payload))
    private = key.private_key
    assert private is not None
    r, s = decode_dss_signature(private.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{body}.{urlsafe(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def workload(**changed: object) -> dict[str, Any]:
    """The claims of a Kubernetes token for the scribe."""
    subject = "system:serviceaccount:daca:scribe"
    given: dict[str, object] = {"iss": KUBERNETES, "sub": subject, "aud": [ISSUER], **changed}
    return claims(**given)


def error(answer: httpx2.Response) -> tuple[int, str]:
    """Status and error code of a refusal."""
    return answer.status_code, answer.json()["error"]
