"""The pages that people see: plain HTML forms, no script, one style sheet."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auth_server.endpoints.wire import NO_STORE, Answer, Header
from auth_server.errors import OAuthError

_FOLDER = Path(__file__).parent / "pages"
_HEADERS: tuple[Header, ...] = (
    *NO_STORE,
    (b"content-type", b"text/html; charset=utf-8"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_STYLE = (_FOLDER / "style.css").read_bytes()
_UNAUTHENTICATED = 401


class Pages:
    """Renders pages; `path` is what every URL of this server begins with, below its origin."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def __call__(
        self,
        template: str,
        /,
        *,
        status: int = 200,
        headers: tuple[Header, ...] = (),
        leads_to: tuple[str, ...] = (),
        note: dict[str, str] | None = None,
        **values: object,
    ) -> Answer:
        """A page. `leads_to` is where its forms may end: browsers hold redirects to form-action."""
        html = self._templates.get_template(f"{template}.html").render(path=self._path, **values)
        policy: Header = (b"content-security-policy", _policy(*leads_to).encode())
        return Answer(status=status, headers=(*_HEADERS, policy, *headers), body=html.encode(), note=note or {})

    def refused(self, error: OAuthError) -> Answer:
        """A refusal where there is no client to send it to. RFC 6749 §4.1.2.1."""
        # 401 would want a challenge, and a browser would ask for a password in a window of its own.
        status = 400 if error.status == _UNAUTHENTICATED else error.status
        headers = tuple(header for header in error.headers if header[0] != b"www-authenticate")
        note = {"outcome": error.error, "reason": error.detail or error.description, **error.about}
        return self("refused", status=status, headers=headers, error=error.error, why=error.description, note=note)


def style() -> Answer:
    """The style sheet."""
    return Answer(headers=((b"content-type", b"text/css"), (b"cache-control", b"public, max-age=3600")), body=_STYLE)


def _policy(*leads_to: str) -> str:
    """No script, no frame, nothing from elsewhere. CSP3.

    Chromium holds every redirect after a form to form-action, the client's own redirects included: https must pass,
    and so must the loopback address that the answer goes to; a bracketed address cannot be written there.
    """
    origins = ["/".join(uri.split("/", 3)[:3]) for uri in leads_to if uri]
    also = dict.fromkeys("http:" if "[" in origin else origin for origin in origins)
    ends = " ".join(("'self'", *(("https:",) if origins else ()), *also))
    return (
        "default-src 'none'; style-src 'self'; img-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {ends}"
    )
