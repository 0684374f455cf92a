"""Somebody else's OpenID provider on loopback, which lies when it is told to."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlencode, urlsplit

from joserfc import jwk

from tests.auth_server.world import CLIENT_KEY, IDENTITY, ISSUER, KUBERNETES_KEY, START, World, signed

KEY = KUBERNETES_KEY
STRANGE_KEY = jwk.ECKey.import_key(CLIENT_KEY.as_dict(private=True), {"kid": str(KEY.kid)})
CALLBACK = f"{ISSUER}/callback/upstream"
SECRET = "what the provider knows us by: ten&"  # characters that Basic must encode
UPSTREAM = """
upstream:
  issuer: http://localhost:{port}
  label: Example Corp
  client_id: daca
  secret: upstream-corp
  let_in: {let_in}
"""


@dataclass(kw_only=True)
class Provider:
    """`document`, `claims` and `told` change what it says; None takes a member away."""

    port: int = 0
    sub: str = "248289761001"
    document: dict[str, Any] = field(default_factory=dict[str, Any])
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    header: dict[str, Any] = field(default_factory=dict[str, Any])
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    key: jwk.ECKey = field(default_factory=lambda: KEY)
    asked: list[str] = field(default_factory=list[str])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def says_yes(self, where: str, **changed: str | None) -> str:
        """A person signs in there; where their browser is sent."""
        assert where.startswith(f"{self.issuer}/auth?"), where
        asked = dict(parse_qsl(urlsplit(where).query, strict_parsing=True))
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return self.sends(where, code=code, **changed)

    def sends(self, where: str, **changed: str | None) -> str:
        """An answer to the request in `where`, whatever is in it."""
        state = parse_qs(urlsplit(where).query)["state"][0]
        answer = {"state": state, "iss": self.issuer, **changed}
        return f"{CALLBACK}?{urlencode({name: value for name, value in answer.items() if value is not None})}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = (await reader.readexactly(int(fields.get("content-length", "0")))).decode()
        path = head.split(" ")[1]
        self.asked.append(path)
        status, value = self._answer(path, head, dict(parse_qsl(body)))
        content = json.dumps(value).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    def _answer(self, path: str, head: str, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            return "200 OK", _changed(self._document(), self.document)
        if path == "/jwks":
            return "200 OK", {"keys": [KEY.as_dict(private=False)]}
        if path == "/me":
            assert "Bearer at-code-" in head
            return "200 OK", _changed({"sub": self.sub, "preferred_username": "ada"}, self.about)
        return self._token(head, form)

    def _document(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        there = {name: f"{self.issuer}/{path}" for name, path in {**names, "userinfo_endpoint": "me"}.items()}
        return {"issuer": self.issuer, **there, "authorization_response_iss_parameter_supported": True}

    def _token(self, head: str, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        proof = base64.b64encode(f"daca:{quote_plus(SECRET)}".encode()).decode()
        verifier = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).decode()
        if asked is None or verifier.rstrip("=") != asked["code_challenge"] or form["redirect_uri"] != CALLBACK:
            return "400 Bad Request", {"error": "invalid_grant"}
        if f"Basic {proof}" not in head:
            return "401 Unauthorized", {"error": "invalid_client"}
        told = {"iss": self.issuer, "sub": self.sub, "aud": "daca", "exp": START + 60, "iat": START}
        claims = _changed({**told, "nonce": asked["nonce"]}, self.claims)
        token = signed(claims, self.key, self.header)
        answer = {"access_token": f"at-{form['code']}", "token_type": "Bearer", "id_token": token}
        return "200 OK", _changed(answer, self.told)


def _changed(sound: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**sound, **changed}.items() if value is not None}


def identity_with(provider: Provider, let_in: str = "{ everyone: true }") -> str:
    return IDENTITY + UPSTREAM.format(port=provider.port, let_in=let_in)


@asynccontextmanager
async def a_provider(world: World) -> AsyncGenerator[Provider]:
    """It runs, and identity.yaml names it."""
    provider = Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    world.secrets.found["upstream-corp"] = {"secret": SECRET}
    world.write_identity(identity_with(provider))
    try:
        yield provider
    finally:
        server.close()
