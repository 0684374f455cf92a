"""A resource and its authorization server for the token manager's benchmark: one plain ASGI app in its own thread."""

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import Receive, Scope, Send

from bench.machine import free_port


@dataclass(kw_only=True)
class Town:
    """Authorization server and resource in one plain ASGI app, that counts what it issues."""

    origin: str
    life: int = 600
    slow: float = 0
    issued: int = 0
    ends: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def resource(self) -> str:
        return f"{self.origin}/mcp"

    @property
    def where(self) -> str:
        return f"{self.origin}/.well-known/oauth-protected-resource/mcp"

    def issue(self) -> dict[str, object]:
        token = secrets.token_urlsafe()
        self.ends[token] = time.monotonic() + self.life
        self.issued += 1
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.life}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        if scope["path"] == "/mcp":
            header = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
            if self.ends.get(header, 0.0) <= time.monotonic():
                challenge = f'Bearer resource_metadata="{self.where}", scope="mcp:read"'
                return await _answer(send, 401, {}, challenge)
            await asyncio.sleep(self.slow)
            return await _answer(send, 200, {})
        documents = self.documents()
        if scope["path"] == "/token":
            return await _answer(send, 200, self.issue())
        return await _answer(send, 200 if scope["path"] in documents else 404, documents.get(scope["path"], {}))

    def documents(self) -> dict[str, dict[str, object]]:
        return {
            "/.well-known/oauth-protected-resource/mcp": {
                "resource": self.resource,
                "authorization_servers": [self.origin],
            },
            "/.well-known/oauth-authorization-server": {
                "issuer": self.origin,
                "token_endpoint": f"{self.origin}/token",
                "authorization_endpoint": f"{self.origin}/authorize",
                "response_types_supported": ["code"],
                "grant_types_supported": ["client_credentials"],
                "code_challenge_methods_supported": ["S256"],
            },
        }


async def _answer(send: Send, status: int, body: dict[str, object], challenge: str = "") -> None:
    said = [(b"www-authenticate", challenge.encode())] if challenge else []
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), *said]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@contextmanager
def serving() -> Generator[Town]:
    """Serve it until the block ends."""
    port = free_port()
    town = Town(origin=f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(town, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield town
    finally:
        server.should_exit = True
        thread.join()
