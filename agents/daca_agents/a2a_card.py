"""The agent card: what this agent does, where it is asked, and how a stranger gets a token for it. A2A 1.0 §8."""

import time
from collections.abc import Callable, Mapping

import httpx2
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    AuthorizationCodeOAuthFlow,
    ClientCredentialsOAuthFlow,
    OAuth2SecurityScheme,
    OAuthFlows,
    OpenIdConnectSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)

from daca_agents.profile import Profile
from daca_agents.shape import ASK
from oauth_client import OAuthClientError, Policy
from oauth_client.models import Document
from oauth_client.rules.rfc8414_metadata import metadata_urls
from oauth_client.wire import Wire

PROTOCOL = "1.0"
_TEXT = "text/plain"
_DATA = "application/json"
_VERSION = "1.0.0"
_FRESH_SECONDS = 300.0
_AWAY_SECONDS = 5.0
_CODE = "authorization_code"
_MACHINE = "client_credentials"


def plain_card(profile: Profile, *, resource: str) -> AgentCard:
    """All that the profile says; nothing of tokens."""
    return AgentCard(
        name=profile.name,
        description=profile.description,
        version=_VERSION,
        supported_interfaces=[
            AgentInterface(url=f"{resource}/a2a", protocol_binding="JSONRPC", protocol_version=PROTOCOL)
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False, extended_agent_card=False),
        default_input_modes=[_TEXT],
        default_output_modes=[_TEXT],
        skills=_skills(profile),
    )


def _skills(profile: Profile) -> list[AgentSkill]:
    """What it says it is good at; a card must name one skill at least."""
    if profile.skills:
        return [AgentSkill(**skill.model_dump()) for skill in profile.skills]
    return [AgentSkill(id=profile.client_id, name=profile.name, description=profile.description, tags=["agent"])]


class Card:
    """The card with the ways to a token, read from the issuer's own metadata when somebody asks, and kept a while.

    While the issuer is away the card is served with what is known: where its metadata is, and what it said last.
    """

    def __init__(
        self,
        plain: AgentCard,
        *,
        issuer: str,
        scopes: Mapping[str, str],
        http: httpx2.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plain = plain
        self._issuer = issuer
        self._scopes = dict(scopes)
        self._wire = Wire(http, Policy(), issuer)
        self._clock = clock
        self._known: tuple[Document | None, Document | None] = (None, None)
        self._until = float("-inf")

    async def now(self, _: AgentCard | None = None) -> AgentCard:
        """The card to serve; as the SDK's `card_modifier`, which hands in the one it was built with."""
        if self._clock() >= self._until:
            oauth, openid = await self._documents()
            self._until = self._clock() + (_FRESH_SECONDS if oauth else _AWAY_SECONDS)
            if oauth:
                self._known = (oauth, openid)
        card = AgentCard()
        card.CopyFrom(self.plain)
        for name, scheme in self._schemes().items():
            card.security_schemes[name].CopyFrom(scheme)
            needed = SecurityRequirement(schemes={name: StringList(list=[ASK])})
            card.security_requirements.append(needed)
        return card

    def _schemes(self) -> dict[str, SecurityScheme]:
        """Each a way of its own: a scheme of this type holds one flow."""
        oauth, openid = self._known
        flows = self._flows(oauth) if oauth is not None else {}
        found = {name: SecurityScheme(oauth2_security_scheme=self._oauth(flow)) for name, flow in flows.items()}
        if not found:
            found = {"oauth2": SecurityScheme(oauth2_security_scheme=self._oauth(None))}
        if openid is not None:
            place = OpenIdConnectSecurityScheme(open_id_connect_url=_openid_url(self._issuer))
            found["openid"] = SecurityScheme(open_id_connect_security_scheme=place)
        return found

    def _oauth(self, flow: OAuthFlows | None) -> OAuth2SecurityScheme:
        return OAuth2SecurityScheme(oauth2_metadata_url=metadata_urls(self._issuer)[0], flows=flow)

    def _flows(self, server: Document) -> dict[str, OAuthFlows]:
        """By the name of the scheme: machines by themselves, people with a browser. RFC 8414 §2."""
        grants = server.strings("grant_types_supported") or (_CODE,)
        token, authorize = server.text("token_endpoint"), server.text("authorization_endpoint")
        found: dict[str, OAuthFlows] = {}
        if _MACHINE in grants and token:
            machines = ClientCredentialsOAuthFlow(token_url=token, scopes=self._scopes)
            found["oauth2"] = OAuthFlows(client_credentials=machines)
        if _CODE in grants and token and authorize:
            pkce = "S256" in server.strings("code_challenge_methods_supported")
            people = AuthorizationCodeOAuthFlow(
                authorization_url=authorize, token_url=token, scopes=self._scopes, pkce_required=pkce
            )
            found["oauth2-people"] = OAuthFlows(authorization_code=people)
        return found

    async def _documents(self) -> tuple[Document | None, Document | None]:
        oauth, *_ = metadata_urls(self._issuer)
        return await self._document(oauth), await self._document(_openid_url(self._issuer))

    async def _document(self, url: str) -> Document | None:
        """A document of this issuer's own, byte for byte. RFC 8414 §3.3."""
        try:
            found = (await self._wire.get(url)).document
        except OAuthClientError:
            return None
        return found if found is not None and found.text("issuer") == self._issuer else None


def _openid_url(issuer: str) -> str:
    return f"{issuer}/.well-known/openid-configuration"
