"""A source of tokens that asks a person for what another source does not give."""

from collections.abc import Collection
from dataclasses import dataclass, field

from oauth_client.backchannel import Backchannel, Told
from oauth_client.errors import AuthorizationRefused, TokenRefused
from oauth_client.models import Target, Token
from oauth_client.policy import Policy
from oauth_client.rules.openid_ciba import OPENID
from oauth_client.source import TokenSource

_NOT_GIVEN = ("invalid_scope", "invalid_target", "access_denied", "unauthorized_client")


@dataclass(kw_only=True)
class Asking:
    """A `TokenSource` for one caller: `TokenAuth(Asking(backchannel=…, source=exchanges.of(token), …), resource=…)`.

    `may_ask` is what the person may be asked for at the resource: whatever an operation needs, the server's baseline
    too, for the token that they allow serves that operation alone. Every other request goes on with a token of
    `source`. `subject` is the person's `sub`; `behalf` names the caller, so that nobody else's answer serves it.
    """

    backchannel: Backchannel
    source: TokenSource
    subject: str
    may_ask: Collection[str]
    binding_message: str = ""
    behalf: str = ""
    told: Told | None = None
    policy: Policy = field(init=False)
    _refused: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        """The clock and the limits are those of the source."""
        self.policy = self.source.policy

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from."""
        return await self.source.find(resource, challenged, stale=stale)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """A token of the source: what it refused before is not asked of it again."""
        return await self.source.get(target, scopes - self._refused - {OPENID})

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """What the source gives; what it does not, the person. Raises as `Backchannel.ask` does."""
        wanted = scopes - {OPENID}
        missing = wanted - than.scopes
        asks = bool(missing) and missing <= frozenset(self.may_ask)
        if not asks or not missing <= self._refused:
            try:
                token = await self.source.more(target, wanted, than)
            except (TokenRefused, AuthorizationRefused) as refused:
                if not asks or refused.error not in _NOT_GIVEN:
                    raise
            else:
                if not asks or missing <= token.scopes:
                    return token
        self._refused |= missing
        return await self._ask(target, wanted & frozenset(self.may_ask))

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self.source.forget(token)
        self.backchannel.forget(token)

    async def _ask(self, target: Target, scopes: frozenset[str]) -> Token:
        return await self.backchannel.ask(
            target.metadata.resource,
            scopes,
            login_hint=self.subject,
            subject=self.subject,
            binding_message=self.binding_message,
            behalf=self.behalf,
            told=self.told,
        )
