"""What is known about people: frozen values, no behaviour. Times are seconds since 1970."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class DeclaredUser:
    """A person of identity.yaml, for development; the password stands in the secret store."""

    name: str
    subject: str
    secret_name: str


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who may sign in. `subject` is what tokens say: opaque, without a colon, for ever the same."""

    name: str
    subject: str
    password_hash: str = field(repr=False)
    created: int = 0
    disabled: bool = False
