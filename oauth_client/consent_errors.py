"""What can come of asking a person, when it is no token."""

from oauth_client.errors import AuthorizationRefused


class AccessDenied(AuthorizationRefused):
    """The person said no, or took back what they had allowed. CIBA §11."""

    def __init__(self, description: str, issuer: str) -> None:
        super().__init__("access_denied", description, issuer)


class ConsentExpired(AuthorizationRefused):
    """Nobody decided in time. CIBA §11."""

    def __init__(self, description: str, issuer: str) -> None:
        super().__init__("expired_token", description, issuer)
