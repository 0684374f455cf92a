"""What fits together about people: who signs in here, and through whom."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

from auth_server.identity.lines import Place
from auth_server.identity.shape import IdentityShape
from auth_server.rules.openid_upstream import PREFIX
from auth_server.rules.rfc8414_metadata import is_loopback

Finding: TypeAlias = tuple[Place, str]


def repeated(values: Iterable[str], list_name: str, field: str) -> Iterator[Finding]:
    """Whatever stands twice in a list where it may stand once."""
    seen: Counter[str] = Counter()
    for index, value in enumerate(values):
        seen[value] += 1
        if seen[value] > 1:
            yield (list_name, index, field), f"{value!r} is declared twice"


def users(shape: IdentityShape) -> Iterator[Finding]:
    """Two people never are one to a token."""
    yield from repeated((user.name for user in shape.users), "users", "name")
    yield from repeated((user.subject for user in shape.users), "users", "subject")
    for index, user in enumerate(shape.users):
        if user.subject.startswith(PREFIX):
            yield ("users", index, "subject"), f"{PREFIX!r} is how subjects of people from upstream begin"


def upstream(shape: IdentityShape) -> Iterator[Finding]:
    """An upstream provider is reached safely, and somebody is let in on purpose."""
    found = shape.upstream
    if found is None:
        return
    url = urlsplit(found.issuer)
    if (url.scheme != "https" and not is_loopback(url.hostname)) or "?" in found.issuer:
        yield ("upstream", "issuer"), "must be https (http only on loopback), without a query"
    if not (found.let_in.everyone or found.let_in.subjects or found.let_in.domains):
        yield ("upstream", "let_in"), "lets nobody in: name subjects or domains, or say everyone"
    if found.let_in.domains and "email" not in found.scopes:
        yield ("upstream", "scopes"), "domains are known only with the scope email"
