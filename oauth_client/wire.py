"""Every request this library makes of its own accord: to judged URLs, never redirected, bounded in time and size."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httpx2

from oauth_client.errors import Unreachable
from oauth_client.models import Document
from oauth_client.policy import Policy
from oauth_client.rules.rfc9728_egress import check_url, is_loopback_host

_LARGEST = 1 << 20
_PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and, when the body was a JSON object, what was in it; else `why` it was not."""

    status: int
    document: Document | None
    why: str
    challenges: tuple[str, ...] = ()


class Wire:
    """Fetches for one resource: what may be reached follows from where the resource itself is."""

    def __init__(self, http: httpx2.AsyncClient, policy: Policy, resource: str) -> None:
        self._http = http
        self._policy = policy
        home = is_loopback_host(httpx2.URL(resource).host)
        self._loopback = home if policy.allow_loopback is None else policy.allow_loopback

    def check(self, url: str) -> str:
        """Raises AddressRefused unless this URL may be fetched."""
        return check_url(url, loopback=self._loopback, private=self._policy.allow_private)

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a document. Raises AddressRefused, Unreachable."""
        return await self._send(self._http.build_request("GET", self.check(url), headers=_PLAIN | dict(headers or {})))

    async def post_json(self, url: str, document: Mapping[str, object]) -> Answer:
        """POST a JSON object. Raises AddressRefused, Unreachable."""
        return await self._send(self._http.build_request("POST", self.check(url), json=dict(document), headers=_PLAIN))

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """POST a form. Raises AddressRefused, Unreachable."""
        request = self._http.build_request("POST", self.check(url), data=dict(form), headers=_PLAIN | dict(headers))
        return await self._send(request)

    async def _send(self, request: httpx2.Request) -> Answer:
        try:
            async with asyncio.timeout(self._policy.timeout):
                response = await self._http.send(request, stream=True, auth=None, follow_redirects=False)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Unreachable(str(request.url), f"nothing within {self._policy.timeout:g} s") from None
        except httpx2.HTTPError as error:
            raise Unreachable(str(request.url), f"{type(error).__name__} {error}".strip()) from error


async def _read(response: httpx2.Response) -> Answer:
    challenges = tuple(response.headers.get_list("www-authenticate"))
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _LARGEST:
            why = f"the answer is larger than {_LARGEST} bytes"
            return Answer(status=response.status_code, document=None, why=why, challenges=challenges)
    document, why = _object_in(bytes(body), response)
    return Answer(status=response.status_code, document=document, why=why, challenges=challenges)


def _object_in(body: bytes, response: httpx2.Response) -> tuple[Document | None, str]:
    if response.is_redirect:
        return None, f"{response.status_code} sends elsewhere, and redirects are not followed"
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type", "of no type")[:80]
        return None, f"{response.status_code} with a body that is not JSON ({kind})"
    if not isinstance(parsed, dict):
        return None, f"{response.status_code} with JSON that is no object"
    return Document(cast("dict[str, object]", parsed)), f"{response.status_code}"
