"""The second half: a person asks an agent, which asks two others; and what is known of it afterwards."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

from auth_server.admin import KnownUser, add_user
from cli.administer import Office, administer_async
from cli.enquiry import DONE, Event
from cli.hops import brief
from cli.story.stage import Stage, result_of
from cli.story.teller import Teller
from cli.story.visitor import Visitor
from oauth_client import Browser, FileVault, PersonTokens

if TYPE_CHECKING:
    from cli.a2a_talk import Talk

_REQUEST: Final = "Find out what time it is in Tokyo and have it written down as note 'Tokyo'."
_NOTE: Final = "Tokyo"
_CHAIN: Final = ["client:scribe", "client:concierge"]
_LOG_SECONDS: Final = 10.0
_SCOPES: Final = ("agent:ask", "agent:save")


async def sign_in(stage: Stage, teller: Teller) -> None:
    """Step 4: a person signs in on the real pages and allows a program to ask concierge. OAuth 2.1 §4.1."""
    concierge = stage.url("concierge")
    teller.step("4", "A person signs in, and allows a program of theirs to ask an agent, which asks others")
    visitor = Visitor(name="ada", password=secrets.token_urlsafe(16))

    async def work(office: Office) -> KnownUser:
        return await add_user(office.state, visitor.name, visitor.password)

    known = await administer_async(stage.settings, None, work)
    teller.see(
        "person", f"{visitor.name}, made for this demonstration; no browser here: her forms are filled in by a program"
    )
    with TemporaryDirectory(prefix="daca-person-") as folder:
        browser = Browser(open=visitor.visit, seconds=60)
        vault = FileVault(Path(folder))
        async with PersonTokens(vault=vault, browser=browser, name="Ada's program", http=stage.http) as tokens:
            stage.tokens["person"] = (await tokens.login(concierge, _SCOPES)).access_token
    for at, words in enumerate(visitor.told, 1):
        teller.see(f"the page asks ({at})", words)
    claims = stage.claims("person")
    teller.see_all({name: claims[name] for name in ("sub", "aud", "client_id", "scope")})
    teller.expect("the page told her how far it goes", holds=any("notes" in words for words in visitor.told))
    teller.expect(
        "the token is hers, for concierge alone", holds=(claims["sub"], claims["aud"]) == (known.subject, concierge)
    )


async def ask_concierge(stage: Stage, teller: Teller) -> None:
    """One request, three agents: each goes on in her name, with a token exchanged for the next. RFC 8693."""
    concierge = stage.url("concierge")
    teller.step("5", "She asks concierge, which asks researcher and scribe, each in her name (A2A, RFC 8693)")
    teller.say(f"POST {concierge}/a2a  {_REQUEST}")
    told, talk = await converse(stage, "person", concierge, _REQUEST)
    for event in told:
        if line := _drawn(event):
            teller.say(line)
    teller.see("concierge", brief(talk.outcome.answer))
    asked = [event["peer"] for event in told if event["event"] == "peer_asked"]
    teller.expect("concierge answers", holds=talk.outcome.state == DONE, instead=talk.outcome.state)
    teller.expect("it asked researcher, then scribe", holds=asked == ["researcher", "scribe"], instead=str(asked))
    exchanged = [event for event in told if event["event"] == "token_obtained"]
    own = [event for event in exchanged if event.get("how") != "exchanged"]
    teller.expect(f"{len(exchanged)} tokens on the way, all exchanged", holds=bool(exchanged) and not own)
    note = await read_note(stage, _NOTE)
    by = cast("Mapping[str, Any]", note.get("created_by", {}))
    teller.see("the note's author", json.dumps(by))
    held = by.get("subject") == stage.claims("person")["sub"] and by.get("actors") == _CHAIN
    teller.expect("the note is written: by her, through concierge and scribe", holds=held, instead=str(note))


async def read_audit(stage: Stage, teller: Teller) -> None:
    """What every app said of its own decision: the chain of three, joined by one trace."""
    teller.step("", "The audit has the chain of three: she, concierge, scribe")
    subject = stage.claims("person")["sub"]
    lines, calls = _of_her(stage, subject)
    end = time.monotonic() + _LOG_SECONDS
    while not calls and time.monotonic() < end:
        await asyncio.sleep(0.1)
        lines, calls = _of_her(stage, subject)
    for line in [*(one for one in lines if one.get("outcome") == "exchanged"), *calls]:
        what = f"{line.get('tool') or 'token'} at {line.get('resource')}: {line.get('scope')}"
        teller.see(str(line.get("outcome")), f"{what}; in her name acting: {line.get('actors')}")
    chains = {str(line.get("actors")) for line in calls}
    teller.expect("notes says: write_note, by her, through scribe and concierge", holds=chains == {" ".join(_CHAIN)})
    hops = {str(line.get("resource")) for line in lines if line.get("outcome") == "exchanged"}
    wanted = {stage.url(name) for name in ("researcher", "scribe", "notes", "clock")}
    teller.expect("the authorization server told of every hop", holds=hops == wanted, instead=str(sorted(hops)))


def _of_her(stage: Stage, subject: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was decided in her name, and the writing of it; a log line may come later than the answer."""
    lines = [line for line in stage.audit() if line.get("subject") == subject]
    return lines, [line for line in lines if line.get("tool") == "write_note" and line.get("outcome") == "called"]


async def converse(stage: Stage, token: str, url: str, text: str) -> "tuple[list[Event], Talk]":
    """One question with a token that the stage has, and all that happened until the answer."""
    # The A2A SDK takes a second to load, and every command loads this file.
    from cli.a2a_talk import Talk  # noqa: PLC0415  see above

    talk = Talk(url, stage.bearing(token))
    return [event async for event in talk.say(text)], talk


async def read_note(stage: Stage, name: str) -> dict[str, Any]:
    """A note, as the operator reads it; empty where there is none."""
    params: dict[str, Any] = {"name": "read_note", "arguments": {"name": name}}
    answer = await stage.ask_mcp(stage.url("notes"), "tools/call", params, token=stage.tokens["operator"])
    return cast("dict[str, Any]", result_of(answer).get("structuredContent") or {})


def _drawn(event: Event) -> str:
    """One line of the chain, indented by how far away it happened."""
    at = cast("list[str]", event["at"])
    where, indent = (at[-1], "  " * len(at)) if at else ("", "")
    drawn = {
        "peer_asked": f"{where} → {event.get('peer')}",
        "peer_answered": f"{where} ← {event.get('peer')}: {event.get('state')}",
        "token_obtained": f"{where} has a token for {event.get('resource')}: {event.get('scope')}",
        "tool_called": f"{where} calls {event.get('tool')}",
        "tool_refused": f"{where}: {event.get('tool')} refused: {event.get('why')}",
    }
    line = drawn.get(str(event["event"]), "")
    return brief(f"{indent}{line}") if not line else f"{indent}{brief(line)}"
