"""A person with a browser, played by an HTTP client: cookies, the forms of the real pages, every redirect."""

import html
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx2

_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_BOX: Final = re.compile(r'<input type="checkbox" name="([^"]+)"')
_WORDS: Final = re.compile(r'<label class="choice">(.*?)</label>', re.DOTALL)


@dataclass(kw_only=True)
class Visitor:
    """Signs in, ticks everything and allows it; `told` and `offered` are the consent page's words and boxes."""

    name: str
    password: str = field(repr=False)
    told: list[str] = field(default_factory=list[str])
    offered: list[str] = field(default_factory=list[str])
    _cookies: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    async def visit(self, url: str) -> httpx2.Response:
        """From an authorization URL to the page that ends it, wherever that is."""
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
            answer = await self._go(http, "GET", url)
            if 'name="password"' in answer.text:
                form = {**_hidden(answer), "name": self.name, "password": self.password}
                answer = await self._go(http, "POST", urljoin(str(answer.url), "/sign-in"), form)
            if 'name="decision"' in answer.text:
                self.told = [_plain(words) for words in _WORDS.findall(answer.text)]
                self.offered = _BOX.findall(answer.text)
                form = {**_hidden(answer), **self._choices()}
                answer = await self._go(http, "POST", urljoin(str(answer.url), "/consent"), form)
            return answer

    def _choices(self) -> dict[str, str]:
        return {**dict.fromkeys(self.offered, "on"), "decision": "allow"}

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
        """Cookies by hand: what a browser takes as secure on loopback, a library does not. None for the callback."""
        ours = urlsplit(url).path != "/callback"
        sent = "; ".join(f"{name}={value}" for name, value in self._cookies.items()) if ours else ""
        answer = await http.request(method, url, data=form, headers={"cookie": sent} if sent else {})
        for set_cookie in answer.headers.get_list("set-cookie"):
            name, _, rest = set_cookie.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return answer


def _hidden(answer: httpx2.Response) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(answer.text)}


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())
