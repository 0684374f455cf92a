"""Asks the upstream OpenID provider who somebody is. OpenID Connect Core §3.1, with PKCE (RFC 7636).

Authlib writes the requests; what the answers must say is ours to decide: `rules/openid_upstream.py`.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote_plus

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from auth_server.errors import AccessDenied, TemporarilyUnavailable
from auth_server.issuer_keys import IssuerKeys
from auth_server.jose import Jws, verified
from auth_server.models import Claims, TrustedIssuer
from auth_server.people import Newcomer, Trip, Upstream, Wanted
from auth_server.rules import openid_upstream as rules
from auth_server.rules.rfc7523_client_assertion import ALGORITHMS
from sidecar.secrets import SecretMissing, Secrets

_FRESH = 600.0
_SECONDS = 5.0
_LARGEST = 64 * 1024
_WRONG = (AuthlibBaseError, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, KeyError, TypeError)
_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server.upstream")


class UpstreamClient:
    """A client of the provider that identity.yaml names."""

    def __init__(self, issuer: str, secrets: Secrets, keys: IssuerKeys, clock: Callable[[], float]) -> None:
        self._redirect_uri = f"{issuer}/callback/upstream"
        self._secrets = secrets
        self._keys = keys
        self._clock = clock
        self._known: dict[str, tuple[rules.Provider, float]] = {}

    async def leave(self, upstream: Upstream, trip: Trip, wanted: Wanted) -> str:
        """Where to send the browser. Raises TemporarilyUnavailable."""
        provider = await self._provider(upstream)
        extra = {"prompt": wanted.prompt, "login_hint": wanted.login_hint}
        asked = {name: value for name, value in extra.items() if value}
        if wanted.max_age is not None:
            asked["max_age"] = str(wanted.max_age)
        async with self._client(upstream) as client:
            url, _ = client.create_authorization_url(
                provider.authorization_endpoint,
                state=trip.state,
                code_verifier=trip.verifier,
                nonce=trip.nonce,
                **asked,
            )
        return str(url)

    async def check_sender(self, upstream: Upstream, sent: str | None) -> None:
        """Accept who an answer says it is from. Raises AccessDenied, TemporarilyUnavailable."""
        rules.check_response_issuer(sent, upstream.issuer, await self._provider(upstream))

    async def arrive(self, upstream: Upstream, code: str, trip: Trip, wanted: Wanted) -> Newcomer:
        """Who it is, as the provider says for this code. Raises AccessDenied, TemporarilyUnavailable."""
        provider = await self._provider(upstream)
        secret = await self._secret(upstream)
        try:
            async with asyncio.timeout(2 * _SECONDS), self._client(upstream, secret) as client:
                told = await client.fetch_token(
                    provider.token_endpoint, grant_type="authorization_code", code=code, code_verifier=trip.verifier
                )
                claims, subject = await self._proven(upstream, provider, dict(told), trip, wanted)
                if rules.lacks(claims, upstream) and provider.userinfo_endpoint:
                    claims = {**await _userinfo(client, provider, subject), **claims}
        except _WRONG as error:
            _LOG.warning("the upstream provider's answer is no good", issuer=upstream.issuer, why=type(error).__name__)
            raise AccessDenied("the answer does not hold", detail=type(error).__name__) from error
        return rules.person_of(claims, upstream, subject)

    async def _proven(
        self, upstream: Upstream, provider: rules.Provider, told: Mapping[str, object], trip: Trip, wanted: Wanted
    ) -> tuple[Claims, str]:
        """The claims of the ID token, its signature and all. §3.1.3.7."""
        token = Jws.parse(str(told.get("id_token", "")))
        alg = "" if token is None else token.header.get("alg")
        if token is None or not isinstance(alg, str) or alg not in ALGORITHMS:
            raise AccessDenied("the answer does not hold", detail="id_token")
        trusted = TrustedIssuer(issuer=upstream.issuer, jwks_uri=provider.jwks_uri, ca_file=upstream.ca_file)
        if not verified(token, await self._keys.keys(trusted, token.header.get("kid")), alg):
            raise AccessDenied("the answer does not hold", detail="signature")
        now = self._clock()
        subject = rules.check_id_token(token.claims, upstream, nonce=trip.nonce, now=now, max_age=wanted.max_age)
        rules.check_access_token(token.claims, alg, str(told.get("access_token", "")))
        return token.claims, subject

    async def _secret(self, upstream: Upstream) -> str | None:
        """Our secret there; it is read when it is needed."""
        if upstream.secret_name is None:
            return None
        try:
            return (await self._secrets.get(upstream.secret_name))["secret"].strip()
        except (SecretMissing, KeyError):
            _LOG.error("the upstream provider's client secret is missing", secret_name=upstream.secret_name)
            raise TemporarilyUnavailable("this way to sign in is not set up", detail="secret") from None

    async def _provider(self, upstream: Upstream) -> rules.Provider:
        """What the provider says about itself; asked again after ten minutes."""
        known = self._known.get(upstream.issuer)
        if known is not None and 0 <= self._clock() - known[1] < _FRESH:
            return known[0]
        url = upstream.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            async with asyncio.timeout(_SECONDS), self._client(upstream) as client:
                provider = rules.check_provider(await _json_from(client, url), upstream.issuer)
        except _WRONG as error:
            _LOG.error("the upstream provider cannot be asked", issuer=upstream.issuer, why=str(error))
            raise TemporarilyUnavailable("it does not answer as it should") from None
        self._known[upstream.issuer] = (provider, self._clock())
        return provider

    def _client(self, upstream: Upstream, secret: str | None = None) -> Any:
        """Without a secret it proves nothing. With Basic both parts are encoded: RFC 6749 §2.3.1, Authlib does not."""
        in_header = secret is not None and not upstream.secret_in_body
        method = "client_secret_basic" if in_header else "none" if secret is None else "client_secret_post"
        verify = ssl.create_default_context(cafile=upstream.ca_file) if upstream.ca_file else True
        made = cast("Any", AsyncOAuth2Client)
        return made(
            client_id=quote_plus(upstream.client_id) if in_header else upstream.client_id,
            client_secret=quote_plus(secret) if secret and in_header else secret,
            token_endpoint_auth_method=method,
            scope=" ".join(upstream.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            verify=verify,
            follow_redirects=False,
            trust_env=False,
            timeout=_SECONDS,
        )


async def _userinfo(client: Any, provider: rules.Provider, subject: str) -> Claims:
    """What the provider tells beside the ID token, of the same person. §5.3.2, §5.3.4."""
    told = await _json_from(client, provider.userinfo_endpoint, withhold_token=False)
    if told.get("sub") != subject:
        raise AccessDenied("the answer does not hold", detail="userinfo sub")
    return told


async def _json_from(client: Any, url: str, *, withhold_token: bool = True) -> Mapping[str, object]:
    async with client.stream("GET", url, withhold_token=withhold_token) as response:
        response.raise_for_status()
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise ValueError(f"{url} answers more than {_LARGEST} bytes")
    told: object = json.loads(body)
    if not isinstance(told, dict):
        raise TypeError(f"{url} answers no JSON object")
    return cast("Mapping[str, object]", told)
