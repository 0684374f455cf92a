"""The refusals that OpenID Connect CIBA adds to those of `errors`, one class per error code on the wire."""

from auth_server.errors import OAuthError


class AuthorizationPending(OAuthError):
    """CIBA §11: nobody has decided yet. No decision, so nothing for the log."""

    error = "authorization_pending"
    quiet = True


class SlowDown(OAuthError):
    """CIBA §11: the client came again too soon, and must wait five seconds longer from now on."""

    error = "slow_down"
    quiet = True


class ExpiredToken(OAuthError):
    """CIBA §11: nobody decided in time, or the client did not come for it."""

    error = "expired_token"


class Declined(OAuthError):
    """CIBA §11: the person said no. At the token endpoint every refusal of a grant is a 400."""

    error = "access_denied"


class UnknownUserId(OAuthError):
    """CIBA §13: the hint leads to nobody who may be asked."""

    error = "unknown_user_id"


class InvalidBindingMessage(OAuthError):
    """CIBA §13: the message is not fit to be shown."""

    error = "invalid_binding_message"


class TooManyRequests(OAuthError):
    """RFC 6585 §4: one client asks too much, or too much waits for one person already."""

    error = "temporarily_unavailable"
    status = 429

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """When to come again."""
        return ((b"retry-after", b"60"),)
