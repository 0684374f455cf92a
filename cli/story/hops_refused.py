"""Steps 6 and 7 between agents: what nobody gets by asking another. RFC 8693 §2.2.2, RFC 7523 §3, RFC 8707 §2."""

from typing import Any, Final, cast

import httpx2

from cli.credentials import credentials_of
from cli.enquiry import WAITS
from cli.story.chain import converse, read_note
from cli.story.stage import Stage
from cli.story.teller import Teller
from oauth_client import ClientSecret, PrivateKey, Tokens

_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
_UNAUTHORIZED: Final = 401
_KEPT: Final = "Welcome"


async def refuse_writing(stage: Stage, teller: Teller) -> None:
    """Researcher reads for others; nothing that it is called with leads to more."""
    teller.step("7", "Researcher may not write: not in her name either")
    stage.tokens["at researcher"] = await _exchanged(stage, "concierge", "person", "researcher", "agent:ask")
    answer = await _exchange(stage, "researcher", "at researcher", "notes", "mcp:write")
    _expect(teller, answer, "invalid_scope")


async def refuse_other_door(stage: Stage, teller: Teller) -> None:
    """Her token for concierge is good at concierge, and nowhere behind it."""
    teller.step("7", "Wrong audience: her token for concierge, shown to scribe")
    answer = await stage.http.post(f"{stage.url('scribe')}/a2a", json={}, headers=_bearer(stage, "person"))
    challenge = answer.headers.get("www-authenticate", "")
    teller.see("WWW-Authenticate", challenge)
    held = answer.status_code == _UNAUTHORIZED and 'error="invalid_token"' in challenge
    teller.expect("401 invalid_token", holds=held, instead=f"{answer.status_code} {challenge}")


async def refuse_widening(stage: Stage, teller: Teller) -> None:
    """At each hop of the chain, the agent there asks for one scope more than it came with."""
    teller.step("7", "Widening, at each hop: an agent asks for more than it came with")
    stage.tokens["at scribe"] = await _exchanged(stage, "concierge", "person", "scribe", "agent:ask")
    for client, subject, target, scope in (
        ("concierge", "person", "scribe", "agent:ask agent:save"),
        ("researcher", "at researcher", "clock", "mcp:read mcp:write"),
    ):
        teller.say(f"{client} asks for {target}: {scope}")
        _expect(teller, await _exchange(stage, client, subject, target, scope), "invalid_scope")
    for client, subject, target in (("concierge", "person", "notes"), ("scribe", "at scribe", "clock")):
        teller.say(f"{client} asks for {target}, where nothing leads it")
        _expect(teller, await _exchange(stage, client, subject, target, "mcp:read"), "invalid_target")


async def refuse_replay(stage: Stage, teller: Teller) -> None:
    """A token that somebody else was called with, and an assertion that was used."""
    teller.step("7", "Replay: her token in the hands of another agent, and an assertion used twice")
    teller.say("researcher presents the token that concierge was called with")
    _expect(teller, await _exchange(stage, "researcher", "person", "notes", "mcp:read"), "invalid_request")
    teller.say("courier, which proves itself with a key, sends the same signed request again")
    courier = cast("PrivateKey", stage.courier)
    target = await Tokens(credentials=courier, http=stage.http, issuer=stage.issuer).find(stage.url("notes"))
    form = {"grant_type": "client_credentials", "resource": stage.url("notes")}
    form |= (await courier.prove(target.server)).form
    first = await stage.http.post(str(stage.metadata["token_endpoint"]), data=form)
    teller.expect("the first time it gets a token", holds=first.is_success, instead=first.text)
    again = await stage.http.post(str(stage.metadata["token_endpoint"]), data=form)
    _expect(teller, again, "invalid_client", status=_UNAUTHORIZED)


async def refuse_depth(stage: Stage, teller: Teller) -> None:
    """This demonstration's identity file lets two agents act one after another, and no third."""
    teller.step("7", "Depth: concierge asks researcher, researcher asks scribe, and there it ends")
    stage.tokens["too deep"] = await _exchanged(stage, "researcher", "at researcher", "scribe", "agent:ask")
    teller.see("acting by then", _chain(stage.claims("too deep")))
    _expect(teller, await _exchange(stage, "scribe", "too deep", "notes", "mcp:write"), "invalid_request")


async def refuse_unapproved(stage: Stage, teller: Teller) -> None:
    """A tool that needs a person's yes, each time: it waits, and the no is kept."""
    scribe = stage.url("scribe")
    teller.step("7", "Not approved: scribe is asked to delete a note by somebody who may, and a person says no")
    tokens = Tokens(credentials=stage.clients["operator"], http=stage.http, issuer=stage.issuer)
    stage.tokens["operator at scribe"] = (await tokens.fetch(scribe, ("agent:ask",))).access_token
    _, talk = await converse(
        stage, "operator at scribe", scribe, f'call delete_note {{"name": "{_KEPT}", "version": 1}}'
    )
    waiting = [str(one.get("tool")) for one in talk.outcome.approvals]
    teller.see("scribe", f"{talk.outcome.state}: {' '.join(waiting)}")
    teller.expect("it waits for a yes", holds=talk.outcome.state == WAITS and waiting == ["delete_note"])
    decided = {str(one["call"]): "reject" for one in talk.outcome.approvals}
    told = [event async for event in talk.decide(cast("Any", decided))] if decided else []
    teller.expect("the no is told", holds=any(event["event"] == "declined" for event in told), instead=str(told))
    teller.expect("the note is still there", holds=bool(await read_note(stage, _KEPT)))


async def _exchanged(stage: Stage, client: str, subject: str, target: str, scope: str) -> str:
    answer = await _exchange(stage, client, subject, target, scope)
    return str(answer.raise_for_status().json()["access_token"])


async def _exchange(stage: Stage, client: str, subject: str, target: str, scope: str) -> httpx2.Response:
    """As the agent itself would ask: its own secret, a token from the stage. RFC 8693 §2.1."""
    secret = cast("ClientSecret", credentials_of(client, stage.settings).credentials)
    known = await Tokens(credentials=secret, http=stage.http, issuer=stage.issuer).find(stage.url("notes"))
    proof = await secret.prove(known.server)
    form = {
        "grant_type": _EXCHANGE,
        "subject_token": stage.tokens[subject],
        "subject_token_type": _ACCESS_TOKEN,
        "resource": stage.url(target),
        "scope": scope,
        **proof.form,
    }
    return await stage.http.post(str(stage.metadata["token_endpoint"]), data=form, headers=proof.headers)


def _bearer(stage: Stage, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {stage.tokens[name]}"}


def _chain(claims: dict[str, Any]) -> str:
    found: list[str] = []
    act = claims.get("act")
    while isinstance(act, dict):
        members = cast("dict[str, Any]", act)
        found.append(str(members.get("sub")))
        act = members.get("act")
    return ", ".join(found)


def _expect(teller: Teller, answer: httpx2.Response, error: str, *, status: int = 400) -> None:
    said: dict[str, Any] = answer.json() if not answer.is_success else {}
    teller.see("refused", f"{answer.status_code} {said.get('error')}: {said.get('error_description')}")
    held = answer.status_code == status and said.get("error") == error
    teller.expect(f"{status} {error}", holds=held, instead=f"{answer.status_code} {said.get('error', 'a token')}")
