"""`daca verify`: is this token good, and what does each part of it say?"""

import asyncio
import base64
import json
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any, cast

import httpx2
import jwt
import typer

from cli import screen
from cli.errors import Failure, Usage
from cli.findings import ASYMMETRIC, Finding, is_good, judge_audience, judge_claims, judge_header, judge_issuer
from cli.issuer_keys import fetch_keys
from cli.options import AsJson, Data, Identity, settings_here
from cli.targets import resolve

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}
_Token = Annotated[str, typer.Argument(metavar="TOKEN", help="A JWT access token; - reads it from stdin.")]
_Resource = Annotated[
    str | None, typer.Option("--resource", metavar="URI", help="The audience that it should have: a URI, or a name.")
]
_Issuer = Annotated[
    str | None, typer.Option("--issuer", metavar="URL", help="The issuer to trust, if not this system's.")
]


def verify(
    context: typer.Context,
    token: _Token,
    resource: _Resource = None,
    issuer: _Issuer = None,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Check a token as a server would, and explain it claim by claim. Exit code 1 when it is not good.

    Only keys of the trusted issuer count: this system's, or the one named with --issuer.
    """
    settings = settings_here(context, data, identity)
    text = sys.stdin.read().strip() if token == "-" else token.strip()
    header, claims = decode(text)
    trusted = issuer or settings.issuer
    meant = resolve(resource, settings) if resource else None
    findings = [
        *judge_header(header),
        asyncio.run(_judge_signature(text, header, trusted)),
        judge_issuer(claims.get("iss"), trusted),
        judge_audience(claims.get("aud"), meant),
        *judge_claims(claims, time.time()),
    ]
    _show(findings, header, claims, as_json=as_json)
    if not is_good(findings):
        wrong = ", ".join(finding.name for finding in findings if finding.ok is False)
        raise Failure(f"the token is not good: {wrong}")


def decode(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT, believed by nobody yet. Raises Usage when it is not one. RFC 7519 §3."""
    try:
        first, second, _signature = token.split(".")
        header, claims = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (first, second)
        )
    except ValueError:
        raise Usage("that is not a JWT: three parts of base64url with dots between them") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Usage("that is not a JWT: header and claims must be JSON objects")
    return cast("dict[str, Any]", header), cast("dict[str, Any]", claims)


async def _judge_signature(token: str, header: dict[str, Any], issuer: str) -> Finding:
    async with httpx2.AsyncClient(timeout=10) as http:
        published = await fetch_keys(http, issuer)
    why = check_signature(token, header, published)
    meaning = why or f"by a key that {issuer} publishes"
    return Finding(name="signature", value=header.get("kid"), ok=not why, meaning=meaning)


def check_signature(token: str, header: dict[str, Any], published: dict[str, Any]) -> str:
    """Empty when a published key made this signature, else why not. RFC 7515 §5.2."""
    if header.get("alg") not in ASYMMETRIC:
        return "no signature that anybody could check"
    unjudged = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
    try:
        key = _named(published, header.get("kid"))
        jwt.decode(token, key, algorithms=[key.algorithm_name], options=cast("Any", unjudged))
    except jwt.InvalidSignatureError:
        return "does not fit: the token was altered, or another key made it"
    except jwt.PyJWTError as error:
        return str(error)
    return ""


def _named(published: dict[str, Any], kid: object) -> jwt.PyJWK:
    for key in jwt.PyJWKSet.from_dict(published).keys:
        if key.key_id == kid:
            return key
    raise jwt.InvalidKeyError("by no key that the issuer publishes")


def _show(findings: list[Finding], header: dict[str, Any], claims: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        checks = [asdict(finding) for finding in findings]
        screen.print_json({"good": is_good(findings), "header": header, "claims": claims, "checks": checks})
        return
    console = screen.stdout()
    for finding in findings:
        mark, style = _MARKS[finding.ok]
        value = finding.value if isinstance(finding.value, str) else json.dumps(finding.value)
        console.print(f"{mark} {finding.name:<10}", style=style, end=" ", markup=False)
        console.print(f"{value:<40} {finding.meaning}", markup=False)
