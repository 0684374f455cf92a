"""An agent of the cluster asked over A2A, from outside it, by a client that knows the wire and nothing of ours."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.human.client import McpClient, result_of
from tests.human.listener import listening
from tests.k8s.conftest import Document

ISSUER = "http://localhost:9000"
NOTES = "http://localhost:8000/mcp"
CHAIN = ["client:scribe", "client:concierge"]
HEADERS = {"accept": "application/json", "a2a-version": "1.0"}


@dataclass(frozen=True, kw_only=True)
class Asker:
    """One caller of one agent. `http` leads canonical names to wherever the agent is."""

    http: httpx2.AsyncClient
    url: str
    token: str = field(repr=False)

    async def say(
        self, words: str = "", *, data: Document | None = None, task: str = "", context: str = ""
    ) -> Document:
        """One message, heard to its end: the task as it then is."""
        parts: list[Document] = [{"text": words}] if words else []
        parts += [{"data": data}] if data is not None else []
        message: Document = {"messageId": secrets.token_hex(8), "role": "ROLE_USER", "parts": parts}
        message |= {"taskId": task} if task else {}
        message |= {"contextId": context} if context else {}
        return (await self.call("SendMessage", {"message": message}))["task"]

    async def task(self, task: str) -> Document:
        """As it is now."""
        return await self.call("GetTask", {"id": task})

    async def call(self, method: str, params: Document) -> Any:
        """One call of the JSON-RPC binding."""
        answer = await self.send(method, params)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert "result" in told, told
        return told["result"]

    async def send(self, method: str, params: Document) -> httpx2.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {**HEADERS, "authorization": f"Bearer {self.token}"}
        return await self.http.post(f"{self.url}/a2a", json=body, headers=headers, timeout=150)


def state_of(task: Document) -> str:
    """In which state it is."""
    return task["status"]["state"].removeprefix("TASK_STATE_")


def answer_of(task: Document) -> str:
    """What the agent answered."""
    (artifact,) = task["artifacts"]
    return " ".join(part["text"] for part in artifact["parts"])


def waiting_in(task: Document) -> list[Document]:
    """What a person must decide."""
    told = [part["data"] for part in task["status"]["message"]["parts"] if "data" in part]
    assert len(told) == 1, json.dumps(task)[:1000]
    return told[0]["approvals"]


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


async def token(front: httpx2.AsyncClient, client: tuple[str, str], resource: str, scope: str) -> str:
    form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
    answer = await front.post(f"{ISSUER}/token", data=form, auth=client)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def note(front: httpx2.AsyncClient, client: tuple[str, str], name: str) -> Document | None:
    """A note as it is kept, or None where there is none of that name."""
    async with listening() as listener:
        reader = McpClient(resource=NOTES, http=front, listener=listener)
        answer = await reader.call("read_note", await token(front, client, NOTES, "mcp:read"), name=name)
    result = result_of(answer)
    return None if result.get("isError") else result["structuredContent"]


def fresh() -> str:
    return f"Tokyo {secrets.token_hex(4)}"


def wish(name: str) -> str:
    return f"Find out what time it is in Tokyo, and have it written down as note '{name}'."
