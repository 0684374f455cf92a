"""A person whose browser is plain HTTP: signs in, allows what a client asks for, and goes back to the client."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2

from tests.human.story import Place

_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_BOX = re.compile(r'<input type="checkbox" name="([^"]+)"')
_FORM = re.compile(r'<form method="post" action="([^"]+)"')


@dataclass(kw_only=True)
class Visit:
    """One person at one authorization server, with the cookies that a browser would keep."""

    place: Place
    cookies: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    saw: list[str] = field(default_factory=list[str])

    def allow(self, url: str) -> str:
        """From the address that a client opened to the address that the answer goes back to, which is not called."""
        with httpx2.Client(trust_env=False, timeout=30) as http:
            answer = self._send(http, "GET", url)
            while True:
                if answer.status_code == 303:
                    url = urljoin(url, answer.headers["location"])
                    if not url.startswith(self.place.issuer):
                        return url
                    answer = self._send(http, "GET", url)
                else:
                    assert answer.status_code == 200, answer.text
                    url, form = self._filled(url, answer.text)
                    answer = self._send(http, "POST", url, form)

    def _send(self, http: httpx2.Client, method: str, url: str, form: dict[str, str] | None = None) -> httpx2.Response:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = http.request(method, url, data=form, headers=headers)
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def _filled(self, url: str, page: str) -> tuple[str, dict[str, str]]:
        """The form of a page, and what this person puts in."""
        self.saw.append(html.unescape(page))
        action = _FORM.search(page)
        assert action is not None, page
        form = {name: html.unescape(value) for name, value in _FIELD.findall(page)}
        if 'name="password"' in page:
            form |= {"name": self.place.user, "password": self.place.password}
        else:
            form |= {"decision": "allow", **dict.fromkeys(_BOX.findall(page), "on")}
        return urljoin(url, html.unescape(action[1])), form


def told(url: str) -> dict[str, str]:
    """What an authorization response says."""
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def go_back(url: str) -> None:
    """The browser's last step: to the client's own listener."""
    answer = httpx2.get(url, trust_env=False, timeout=30, follow_redirects=False)
    assert answer.status_code < 400, answer.text
