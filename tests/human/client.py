"""A person's MCP client, written against the documents and not with our library: it begins with nothing but a URL."""

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
from joserfc import jwk, jwt

from tests.human.listener import Listener

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(kw_only=True)
class McpClient:
    """One client at one MCP server. It knows what it has been told, and nothing of how the other side is made."""

    resource: str
    http: httpx2.AsyncClient
    listener: Listener
    name: str = "Ink, an editor"
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    client_id: str = ""
    key: jwk.ECKey | None = None
    _verifiers: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    async def discover(self) -> None:
        """From the refusal to the authorization server's own description. RFC 9728 §5, RFC 8414 §3."""
        refusal = await self.ask("initialize", token=None)
        assert refusal.status_code == 401
        told = (await self.http.get(challenge_of(refusal)["resource_metadata"])).json()
        assert told["resource"] == self.resource
        issuer: str = told["authorization_servers"][0]
        parts = urlsplit(issuer)
        where = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
        self.metadata = (await self.http.get(where)).json()
        assert self.metadata["issuer"] == issuer

    async def register(self) -> None:
        """Dynamic registration. RFC 7591 §3."""
        answer = await self.http.post(self.metadata["registration_endpoint"], json=self._described())
        assert answer.status_code == 201, answer.text
        self.client_id = answer.json()["client_id"]

    def publish(self) -> None:
        """A metadata document instead, with a key: a client that proves itself."""
        assert self.metadata["client_id_metadata_document_supported"] is True
        self.key = jwk.ECKey.generate_key("P-256", {"kid": "ink", "use": "sig"})
        self.client_id = self.listener.document_url
        keys = {"keys": [self.key.as_dict(private=False)]}
        proof = {"client_id": self.client_id, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys}
        self.listener.document = {**self._described(), **proof}

    def authorization_url(self, *scopes: str, **more: str) -> str:
        """Where to send the person. OAuth 2.1 §4.1.1."""
        state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        self._verifiers[state] = verifier
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.listener.callback,
            "scope": " ".join(scopes),
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("="),
            "code_challenge_method": "S256",
            "resource": self.resource,
        }
        return f"{self.metadata['authorization_endpoint']}?{urlencode({**asked, **more})}"

    async def came_back(self) -> tuple[dict[str, str], str]:
        """What the browser brought back, once state and issuer are right; and the verifier. RFC 9207 §2.4."""
        told = await self.listener.heard()
        verifier = self._verifiers.pop(told["state"])
        assert told["iss"] == self.metadata["issuer"]
        return told, verifier

    async def redeem(self) -> dict[str, Any]:
        """The tokens for the code that came back."""
        told, verifier = await self.came_back()
        form = {"grant_type": "authorization_code", "code": told["code"], "code_verifier": verifier}
        answer = await self.token(**form, redirect_uri=self.listener.callback)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def token(self, *, endpoint: str = "token_endpoint", **form: str) -> httpx2.Response:
        """A request that this client proves itself for, as far as it can."""
        resource = {"resource": self.resource} if endpoint == "token_endpoint" else {}
        return await self.http.post(self.metadata[endpoint], data={**form, **self._proof(), **resource})

    async def refresh(self, token: str) -> httpx2.Response:
        return await self.token(grant_type="refresh_token", refresh_token=token)

    async def call(self, tool: str, token: str | None, **arguments: object) -> httpx2.Response:
        """One tool call."""
        return await self.ask("tools/call", token=token, params={"name": tool, "arguments": arguments})

    async def ask(
        self, method: str, *, token: str | None, params: Mapping[str, object] | None = None
    ) -> httpx2.Response:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params or {})}
        proof = {"authorization": f"Bearer {token}"} if token else {}
        return await self.http.post(self.resource, json=message, headers={**_HEADERS, **proof})

    def _described(self) -> dict[str, object]:
        return {
            "client_name": self.name,
            "redirect_uris": [self.listener.callback],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        }

    def _proof(self) -> dict[str, str]:
        if self.key is None:
            return {"client_id": self.client_id}
        now, me = int(time.time()), self.client_id
        claims = {"iss": me, "sub": me, "aud": self.metadata["issuer"], "iat": now, "exp": now + 60}
        told = {**claims, "jti": secrets.token_hex(16)}
        assertion = jwt.encode({"alg": "ES256", "kid": "ink"}, told, self.key)
        return {"client_id": me, "client_assertion_type": _ASSERTION, "client_assertion": assertion}


def challenge_of(refusal: httpx2.Response) -> dict[str, str]:
    """What a door's refusal says. RFC 6750 §3."""
    return dict(_PARAMETER.findall(refusal.headers["www-authenticate"]))


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result of a tool call, whether it came as JSON or as one event."""
    assert answer.status_code == 200, answer.text
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = next(line for line in text.splitlines() if line.startswith("data: {"))[6:]
    return json.loads(text)["result"]
