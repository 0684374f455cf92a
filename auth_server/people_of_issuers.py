"""ID-JAGs taken apart and proven, and the people whom they name."""

from auth_server.issuer_keys import IssuerKeys
from auth_server.jose import Jws, verified
from auth_server.models import TrustedIssuer
from auth_server.newcomers import NewcomerBook


class IssuersAssertions:
    """See `grants.jwt_bearer.Assertions`. A person has one subject, whether they sign in here or come by ID-JAG."""

    def __init__(self, keys: IssuerKeys, people: NewcomerBook) -> None:
        self._keys = keys
        self._people = people

    def parse(self, compact: str) -> Jws | None:
        """Take it apart; None for what is no JWT."""
        return Jws.parse(compact)

    async def is_signed(self, compact: str, trusted: TrustedIssuer, alg: str) -> bool:
        """Whether its issuer signed it, with this algorithm. Raises TemporarilyUnavailable."""
        token = Jws.parse(compact)
        if token is None:
            return False
        return verified(token, await self._keys.keys(trusted, token.header.get("kid")), alg)

    async def subject(self, issuer: str, sub: str) -> str | None:
        """What tokens call a person of that issuer; None for whom the upstream provider's entry refuses."""
        return await self._people.subject_of(issuer, sub)
