"""The grants by which one acts for another: put together here, registered in app."""

from collections.abc import Callable, Mapping

from auth_server.endpoints.token import Redeem
from auth_server.endpoints.tokens import Known, Tokens
from auth_server.errors import InvalidClient
from auth_server.grants.jwt_bearer import JwtBearer
from auth_server.grants.token_exchange import TokenExchange
from auth_server.models import JWT_BEARER, TOKEN_EXCHANGE, Identity
from auth_server.parts import Clock, Parts
from auth_server.people import Permission
from auth_server.people_of_issuers import IssuersAssertions


def delegation_grants(
    issuer: str, parts: Parts, tokens: Tokens, identity: Callable[[], Identity], clock: Clock
) -> Mapping[str, Redeem]:
    """Both, by grant_type."""

    async def find(token: str) -> Known | None:
        known = await tokens.find(token)
        return known if known is not None and await tokens.is_active(token, known) else None

    async def stands(client_id: str, permission: Permission | None) -> bool:
        if permission is not None and not await parts.newcomers.may_go_on(permission.name, permission.subject):
            return False
        try:
            client = await parts.directory.find(client_id)
        except InvalidClient:
            return False
        return client is not None and not client.disabled

    assertions = IssuersAssertions(parts.issuer_keys, parts.newcomers)
    return {
        TOKEN_EXCHANGE: TokenExchange(find, stands, identity, issuer),
        JWT_BEARER: JwtBearer(assertions, parts.spent, identity, issuer, clock),
    }
