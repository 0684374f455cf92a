"""A person with a browser in front of a real authorization server: cookies, forms, and redirects that are followed."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx2

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_BOX = re.compile(r'<input type="checkbox" name="([^"]+)"')


@dataclass(kw_only=True)
class Visitor:
    """Signs in, ticks every box or those named, and decides."""

    name: str = "ada"
    password: str = "a long password"
    ticks: tuple[str, ...] | None = None
    decision: str = "allow"
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    offered: list[str] = field(default_factory=list[str])

    async def visit(self, url: str) -> httpx2.Response:
        """From an authorization URL to the page that ends it, wherever that is."""
        async with httpx2.AsyncClient() as http:
            answer = await self._go(http, "GET", url)
            if 'name="password"' in answer.text:
                form = {**_hidden(answer), "name": self.name, "password": self.password}
                answer = await self._go(http, "POST", urljoin(str(answer.url), "/sign-in"), form)
            if 'name="decision"' in answer.text:
                self.offered = _BOX.findall(answer.text)
                boxes = self.offered if self.ticks is None else [f"scope:{scope}" for scope in self.ticks]
                form = {**_hidden(answer), **dict.fromkeys(boxes, "on"), "decision": self.decision}
                answer = await self._go(http, "POST", urljoin(str(answer.url), "/consent"), form)
            return answer

    async def _go(
        self, http: httpx2.AsyncClient, method: str, url: str, form: dict[str, str] | None = None
    ) -> httpx2.Response:
        answer = await self._once(http, method, url, form)
        while answer.is_redirect:
            answer = await self._once(http, "GET", urljoin(str(answer.url), answer.headers["location"]), None)
        return answer

    async def _once(
        self, http: httpx2.AsyncClient, method: str, url: str, form: dict[str, str] | None
    ) -> httpx2.Response:
        """Cookies by hand: what a browser takes as secure on loopback, a library does not."""
        ours = urlsplit(url).path != "/callback"
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items()) if ours else ""
        answer = await http.request(method, url, data=form, headers={"cookie": sent} if sent else {})
        for set_cookie in answer.headers.get_list("set-cookie"):
            name, _, rest = set_cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer


def _hidden(answer: httpx2.Response) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(answer.text)}
