"""Steps 6 and 7: what the same tokens are not good for. RFC 6750 §3.1, RFC 8707 §2, RFC 9068 §4."""

import asyncio
import base64
import json
import time
from typing import Final

import httpx2

from cli.story.stage import Stage
from cli.story.teller import Teller

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_TOLERATED: Final = 6
"""Seconds: a door allows clocks to differ by five (resource_server), and one more is past all doubt."""


async def refuse_wrong_audience(stage: Stage, teller: Teller) -> None:
    """A token for notes says nothing to clock."""
    teller.step("7", "Wrong audience: the token for notes, shown to clock")
    answer = await stage.ask_mcp(stage.url("clock"), "tools/list", token=stage.tokens["researcher"])
    _expect(teller, answer, status=_UNAUTHORIZED, error="invalid_token")


async def refuse_tampered(stage: Stage, teller: Teller) -> None:
    """A token that was given more scope by its holder."""
    teller.step("6", "Tampered: the same token, with mcp:delete written into it")
    forged = tampered(stage.tokens["researcher"])
    answer = await stage.ask_mcp(stage.url("notes"), "tools/list", token=forged)
    _expect(teller, answer, status=_UNAUTHORIZED, error="invalid_token")


async def refuse_missing_scope(stage: Stage, teller: Teller) -> None:
    """A tool that the token does not reach is refused before it is called, and the refusal says what it takes."""
    teller.step("6", "Missing scope: a reader's token, used to delete a note")
    params = {"name": "delete_note", "arguments": {"name": "anything", "version": 1}}
    answer = await stage.ask_mcp(stage.url("notes"), "tools/call", params, token=stage.tokens["researcher"])
    _expect(teller, answer, status=_FORBIDDEN, error="insufficient_scope")
    asked = answer.headers.get("www-authenticate", "")
    teller.expect("the challenge names the scope it takes", holds="mcp:delete" in asked)


async def refuse_expired(stage: Stage, teller: Teller) -> None:
    """Step 5's token for clock, once its time is over."""
    teller.step("6", "Expired: the token that clock accepted before")
    until = float(stage.claims("short-lived")["exp"]) + _TOLERATED
    if (left := until - time.time()) > 0:
        teller.say(f"it was made to live for a few seconds; waiting {left:.0f} s for its end")
        await asyncio.sleep(left)
    answer = await stage.ask_mcp(stage.url("clock"), "tools/list", token=stage.tokens["short-lived"])
    _expect(teller, answer, status=_UNAUTHORIZED, error="invalid_token")


def tampered(token: str) -> str:
    """The token with more scope in its claims, and the signature it had."""
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    said["scope"] = f"{said['scope']} mcp:delete"
    changed = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def _expect(teller: Teller, answer: httpx2.Response, *, status: int, error: str) -> None:
    challenge = answer.headers.get("www-authenticate", "")
    teller.see("WWW-Authenticate", challenge)
    teller.expect(
        f"{status} {error}, with a challenge",
        holds=answer.status_code == status and f'error="{error}"' in challenge and "resource_metadata=" in challenge,
        instead=f"{answer.status_code} {challenge}",
    )
