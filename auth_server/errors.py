"""Every refusal, one class per error code on the wire."""

from collections.abc import Mapping
from typing import ClassVar


class OAuthError(Exception):
    """A refusal the client is told about. RFC 6749 §5.2.

    `description` is for the client, `detail` for the log and nowhere else. A `quiet` one decides nothing: no log line.
    """

    error: ClassVar[str]
    status: ClassVar[int] = 400
    quiet: ClassVar[bool] = False

    def __init__(self, description: str, *, detail: str = "") -> None:
        super().__init__(f"{self.error}: {description}")
        self.description = description
        self.detail = detail
        self.about: Mapping[str, str] = {}

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the answer carries beside its body."""
        return ()


class about:  # noqa: N801 - reads as what it is: with about(client=...)
    """Give refusals that pass through what is known by now, for the log."""

    __slots__ = ("_known",)

    def __init__(self, **known: str) -> None:
        self._known = known

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        """A refusal goes on its way, with what is known."""
        if isinstance(error, OAuthError):
            error.about = {**self._known, **error.about}


class InvalidRequest(OAuthError):
    """RFC 6749 §5.2."""

    error = "invalid_request"


class BodyTooLarge(InvalidRequest):
    """RFC 9110 §15.5.14, told in OAuth's form."""

    status = 413


class InvalidClient(OAuthError):
    """RFC 6749 §5.2. The challenge is there whichever way the client tried: RFC 9110 §15.5.2 wants one on each 401."""

    error = "invalid_client"
    status = 401

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The challenge."""
        return ((b"www-authenticate", b'Basic realm="token", charset="UTF-8"'),)


class TooManyGuesses(InvalidClient):
    """RFC 6585 §4: wrong secrets came too fast, for this client alone."""

    status = 429

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """When to come again."""
        return ((b"retry-after", b"10"),)


class InvalidGrant(OAuthError):
    """RFC 6749 §5.2."""

    error = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """RFC 6749 §5.2."""

    error = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    """RFC 6749 §5.2."""

    error = "unsupported_grant_type"


class UnsupportedResponseType(OAuthError):
    """RFC 6749 §4.1.2.1."""

    error = "unsupported_response_type"


class AccessDenied(OAuthError):
    """RFC 6749 §4.1.2.1: the person said no."""

    error = "access_denied"
    status = 403


class LoginRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6: somebody would have to sign in, and no page may be shown."""

    error = "login_required"


class ConsentRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6: a person would have to decide, and no page may be shown."""

    error = "consent_required"


class InvalidScope(OAuthError):
    """RFC 6749 §5.2."""

    error = "invalid_scope"


class InvalidTarget(OAuthError):
    """RFC 8707 §2."""

    error = "invalid_target"


class InvalidToken(OAuthError):
    """RFC 6750 §3.1: the initial access token is no good."""

    error = "invalid_token"
    status = 401

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The challenge, which says that a token was sent and refused."""
        return ((b"www-authenticate", b'Bearer realm="register", error="invalid_token"'),)


class TokenMissing(InvalidToken):
    """RFC 6750 §3: no token was sent, so the challenge names no error."""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The challenge."""
        return ((b"www-authenticate", b'Bearer realm="register"'),)


class InvalidRedirectUri(OAuthError):
    """RFC 7591 §3.2.2."""

    error = "invalid_redirect_uri"


class InvalidClientMetadata(OAuthError):
    """RFC 7591 §3.2.2."""

    error = "invalid_client_metadata"


class TooManyRegistrations(OAuthError):
    """RFC 6585 §4: registrations came too fast, from one network or from everywhere."""

    error = "temporarily_unavailable"
    status = 429

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """When to come again."""
        return ((b"retry-after", b"60"),)


class TemporarilyUnavailable(OAuthError):
    """Something this server leans on does not answer: try again. RFC 6749 §4.1.2.1 has the name."""

    error = "temporarily_unavailable"
    status = 503

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """When to come again."""
        return ((b"retry-after", b"2"),)


class ServerError(OAuthError):
    """RFC 6749 §4.1.2.1."""

    error = "server_error"
    status = 500
