"""Every way a token can fail to arrive: one class per kind, none ever holding a token or a secret."""

from collections.abc import Collection, Iterable

_SHOWN = 300


def shown(text: str) -> str:
    """What came over the wire, made fit for a message: printable, quoted and short."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def difference(expected: str, found: str) -> str:
    """Where two strings part, so that nobody has to compare them by eye."""
    if expected.rstrip("/") == found.rstrip("/"):
        return "they differ only in a trailing slash"
    pairs = enumerate(zip(expected, found, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(found)))
    return f"they differ from character {place + 1} on: {shown(expected[place:])} against {shown(found[place:])}"


def listing(scopes: Iterable[str]) -> str:
    """Scopes as they stand on the wire, in a fixed order."""
    return " ".join(sorted(scopes)) or "(none)"


class OAuthClientError(Exception):
    """No token, or none that helps; the message says what differed, where, and what to do."""


class InvalidResource(OAuthClientError):
    """A resource identifier that cannot be one. RFC 8707 §2."""


class CredentialsUnusable(OAuthClientError):
    """The client's own secret, key or token file cannot be used."""


class AddressRefused(OAuthClientError):
    """A URL that this client does not fetch. RFC 9728 §7.7."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{shown(url)} is not fetched: {why}")
        self.url = url
        self.why = why


class Unreachable(OAuthClientError):
    """A request that got no answer in time."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url} gave no answer: {why}")
        self.url = url
        self.why = why


class DiscoveryFailed(OAuthClientError):
    """No usable metadata at any of the places where it may be; `tried` names each, and why not."""

    def __init__(self, what: str, tried: Iterable[tuple[str, str]]) -> None:
        self.tried = tuple(tried)
        reasons = "; ".join(f"{place}: {why}" for place, why in self.tried)
        super().__init__(f"no {what} ({reasons or 'nowhere to look'})")


class ResourceMismatch(OAuthClientError):
    """A resource-metadata document that speaks of another resource. RFC 9728 §3.3."""

    def __init__(self, expected: str, found: str, where: str) -> None:
        super().__init__(
            f"the document at {where} is for resource {shown(found)}, not for {shown(expected)}: "
            f"{difference(expected, found)}. Use the server's own spelling as the resource, or mend its metadata."
        )
        self.expected = expected
        self.found = found
        self.where = where


class IssuerMismatch(OAuthClientError):
    """Authorization-server metadata that names another issuer. RFC 8414 §3.3."""

    def __init__(self, expected: str, found: str, where: str) -> None:
        super().__init__(
            f"the metadata at {where} says its issuer is {shown(found)}, but it was asked for as {shown(expected)}: "
            f"{difference(expected, found)}. The resource and its authorization server must spell it alike."
        )
        self.expected = expected
        self.found = found
        self.where = where


class IssuerNotListed(OAuthClientError):
    """The resource does not trust the issuer that this client is pinned to."""

    def __init__(self, pinned: str, listed: Collection[str], where: str) -> None:
        nearest = next((issuer for issuer in listed if issuer.rstrip("/") == pinned.rstrip("/")), None)
        hint = f" ({difference(pinned, nearest)})" if nearest else ""
        names = ", ".join(shown(issuer) for issuer in listed)
        super().__init__(f"the pinned issuer {shown(pinned)} is not among those of {where}: {names}{hint}")
        self.pinned = pinned
        self.listed = tuple(listed)
        self.where = where


class IssuerChanged(OAuthClientError):
    """The credentials belong to one issuer and the resource now names another. They were not sent there."""

    def __init__(self, bound: str, found: Collection[str], resource: str) -> None:
        names = ", ".join(shown(issuer) for issuer in found)
        super().__init__(
            f"the credentials belong to issuer {shown(bound)}, but {resource} now names {names}; they were not sent. "
            "Register with the new issuer and use its credentials, or allow it with Policy(rebind=True)."
        )
        self.bound = bound
        self.found = tuple(found)
        self.resource = resource


class MethodNotOffered(OAuthClientError):
    """The authorization server does not take what this client can do."""


class TokenRefused(OAuthClientError):
    """The token endpoint said no. RFC 6749 §5.2."""

    def __init__(self, error: str, description: str, *, status: int, endpoint: str) -> None:
        said = f": {description}" if description else ""
        super().__init__(f"{endpoint} refused with {status} {error}{said}")
        self.error = error
        self.description = description
        self.status = status
        self.endpoint = endpoint


class BadTokenAnswer(OAuthClientError):
    """The token endpoint answered with something that is not a usable token. RFC 6749 §5.1."""

    def __init__(self, endpoint: str, why: str) -> None:
        super().__init__(f"the answer of {endpoint} is unusable: {why}")
        self.endpoint = endpoint
        self.why = why


class TokenRejected(OAuthClientError):
    """The resource refused a token that had just been issued for it."""

    def __init__(self, resource: str, issuer: str, why: str) -> None:
        super().__init__(f"{resource} rejected a new token of {issuer}: {why}")
        self.resource = resource
        self.issuer = issuer


class InsufficientScope(OAuthClientError):
    """An operation that no token this client can get is good for. RFC 6750 §3.1."""

    def __init__(self, operation: str, *, needed: Collection[str], granted: Collection[str], why: str) -> None:
        super().__init__(
            f"{operation} needs scope {listing(needed)}; the token carries {listing(granted)}: {why}. "
            "Have the client allowed these scopes at the authorization server."
        )
        self.operation = operation
        self.needed = frozenset(needed)
        self.granted = frozenset(granted)


class LoginRequired(OAuthClientError):
    """A person has to sign in, or to allow more, and nobody is asked now."""

    def __init__(self, resource: str, why: str) -> None:
        super().__init__(f"somebody has to sign in for {resource}: {why}")
        self.resource = resource


class RegistrationRefused(OAuthClientError):
    """No client identifier: the authorization server takes no registration, or not this one. RFC 7591 §3.2.2."""


class ResponseRejected(OAuthClientError):
    """An authorization response that is not acted upon; nothing of what it says is repeated. RFC 9207 §2.4."""


class AuthorizationRefused(OAuthClientError):
    """The person, or the authorization server, said no. RFC 6749 §4.1.2.1."""

    def __init__(self, error: str, description: str, issuer: str) -> None:
        said = f": {description}" if description else ""
        super().__init__(f"{issuer} did not authorize: {error}{said}")
        self.error = error
        self.description = description


class SubjectEnded(OAuthClientError):
    """The caller's token has expired, so nothing can be done in its name any more. RFC 8693 §2.1."""

    def __init__(self, resource: str) -> None:
        super().__init__(f"the caller's token has expired: no token for {resource} in its name; the caller calls again")
        self.resource = resource
