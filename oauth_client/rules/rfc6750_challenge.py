"""RFC 6750 and RFC 9110 — the WWW-Authenticate header: what does the refusal ask for?"""

import re
from collections.abc import Iterable, Iterator

from oauth_client.models import Challenge

_LONGEST = 16_384
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ITEM = re.compile(
    rf"""[ \t,]*(?:
      (?P<name>{_TOKEN})[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^ \t,"=][^ \t,"]*))(?=[ \t]*(?:,|$))
    | (?P<scheme>{_TOKEN})(?:[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$)))?(?=[ \t,]|$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def challenges_in(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each scheme of one header value with its parameters, names in lower case. RFC 9110 §11.6.1.

    A header is not trusted to be well formed: reading ends where it stops making sense.
    """
    current: tuple[str, dict[str, str]] | None = None
    position = 0
    while found := _ITEM.match(value, position, _LONGEST):
        position = found.end()
        if found["scheme"]:
            if current:
                yield current
            current = (found["scheme"].lower(), {})
        elif current:
            current[1].setdefault(found["name"].lower(), _value(found))
    if current:
        yield current


def challenge_of(headers: Iterable[str]) -> Challenge:
    """The Bearer challenge among all WWW-Authenticate headers, the one that says most. RFC 9728 §5.1."""
    bearers = [params for value in headers for scheme, params in challenges_in(value) if scheme == "bearer"]
    bearers.sort(key=lambda params: ("resource_metadata" not in params, -len(params)))
    params = bearers[0] if bearers else {}
    return Challenge(
        error=params.get("error", ""),
        description=params.get("error_description", ""),
        scopes=scopes_in(params.get("scope", "")),
        resource_metadata=params.get("resource_metadata"),
    )


def scopes_in(value: str) -> tuple[str, ...]:
    """The well-formed scope tokens of a space-separated list, each once, in order. RFC 6749 §3.3."""
    return tuple(dict.fromkeys(scope for scope in value.split() if _SCOPE.fullmatch(scope)))


def _value(found: re.Match[str]) -> str:
    quoted: str | None = found["quoted"]
    return found["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
