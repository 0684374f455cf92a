"""Steps 1, 2, 3, 8 and 5: from a refusal to a tool's answer, with no browser and no person."""

import asyncio
from typing import Any, Final

from auth_server.admin import Invited, invite
from cli.administer import Office, administer_async
from cli.credentials import credentials_of
from cli.errors import Failure
from cli.story.stage import Stage, result_of
from cli.story.teller import Teller
from oauth_client import ClientSecret, OAuthClientError, Tokens

_SHOWN: Final = ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti")
_CREATED: Final = 201
_UNAUTHORIZED: Final = 401


async def find_resource(stage: Stage, teller: Teller) -> None:
    """Step 1: the MCP server refuses, and its refusal says where to learn more. RFC 9728 §5."""
    notes = stage.url("notes")
    teller.step("1", "Protected resource metadata: the MCP server's own refusal says where to begin")
    teller.say(f"POST {notes}  tools/list, without a token")
    refused = await stage.ask_mcp(notes, "tools/list")
    challenge = refused.headers.get("www-authenticate", "")
    teller.see("WWW-Authenticate", challenge)
    teller.expect(
        "401 with a challenge", holds=refused.status_code == _UNAUTHORIZED and "resource_metadata=" in challenge
    )
    where = challenge.partition('resource_metadata="')[2].partition('"')[0]
    teller.say(f"GET {where}")
    metadata = await stage.document(where)
    teller.see_all({name: metadata[name] for name in ("resource", "authorization_servers", "scopes_supported")})
    teller.expect("the document is about the server that was asked", holds=metadata["resource"] == notes)
    teller.expect("it names the authorization server", holds=stage.issuer in metadata["authorization_servers"])


async def find_issuer(stage: Stage, teller: Teller) -> None:
    """Step 2: the authorization server says where its endpoints are. RFC 8414 §3."""
    where = f"{stage.issuer}/.well-known/oauth-authorization-server"
    teller.step("2", "Authorization server metadata: where tokens are to be had")
    teller.say(f"GET {where}")
    stage.metadata = await stage.document(where)
    shown = ("issuer", "token_endpoint", "registration_endpoint", "jwks_uri", "token_endpoint_auth_methods_supported")
    teller.see_all({name: stage.metadata[name] for name in shown if name in stage.metadata})
    teller.expect("its issuer is the one that the resource named", holds=stage.metadata["issuer"] == stage.issuer)


async def register(stage: Stage, teller: Teller) -> None:
    """Step 3: one client is known already, another registers itself with an invitation. RFC 7591 §3."""
    teller.step("3", "Client registration: one agent is known, another one registers itself")
    secret = (await stage.researcher.secrets.get("client-researcher"))["secret"]
    teller.see(
        "pre-registered", f"researcher, by identity.yaml; its secret ({len(secret)} characters) {_source(stage)}"
    )
    endpoint = str(stage.metadata["registration_endpoint"])
    wanted = {
        "client_name": "A visiting agent",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_basic",
    }
    uninvited = await stage.http.post(endpoint, json=wanted)
    teller.expect("nobody registers without an invitation", holds=uninvited.status_code == _UNAUTHORIZED)
    invited = await _invite(stage)
    teller.see("invitation", f"daca client invite: {invited.uses} use, for notes with mcp:read")
    answer = await stage.http.post(endpoint, json=wanted, headers={"Authorization": f"Bearer {invited.token}"})
    teller.expect("the invited agent is registered", holds=answer.status_code == _CREATED, instead=answer.text)
    registered = answer.json()
    teller.see("client_id", str(registered.get("client_id")))
    stage.clients["visitor"] = ClientSecret(str(registered["client_id"]), secret=str(registered["client_secret"]))
    again = await stage.http.post(endpoint, json=wanted, headers={"Authorization": f"Bearer {invited.token}"})
    teller.expect("its invitation is used up", holds=again.status_code == _UNAUTHORIZED)
    stage.clients["researcher"] = ClientSecret("researcher", secret=secret)


async def get_token(stage: Stage, teller: Teller) -> None:
    """Step 8: client credentials, for exactly one resource. RFC 6749 §4.4, RFC 8707 §2, RFC 9068 §2."""
    teller.step("8", "Client credentials: a token for exactly this MCP server")
    teller.say(f"POST {stage.metadata['token_endpoint']}  grant_type=client_credentials resource={stage.url('notes')}")
    await asyncio.gather(
        _get_token(stage, "researcher", "researcher", "notes"),
        _get_token(stage, "short-lived", "researcher", "clock"),
        _get_token(stage, "visitor", "visitor", "notes"),
    )
    claims = stage.claims("researcher")
    teller.see_all({name: claims[name] for name in _SHOWN if name in claims})
    teller.expect("its one audience is notes", holds=claims["aud"] == stage.url("notes"))
    teller.expect("it lives for minutes", holds=claims["exp"] - claims["iat"] <= 600)  # noqa: PLR2004  ten minutes
    visitor = stage.claims("visitor")
    teller.expect("the agent that registered itself got one too", holds=visitor["aud"] == stage.url("notes"))


async def use_token(stage: Stage, teller: Teller) -> None:
    """Step 5: the token is checked, and the tool answers. RFC 9068 §4, RFC 8707 §2."""
    teller.step("5", "Audience validation: the right token, and the tool answers")
    listed = await stage.ask_mcp(stage.url("notes"), "tools/list", token=stage.tokens["researcher"])
    tools = [tool["name"] for tool in result_of(listed).get("tools", [])]
    teller.see("tools it may see", " ".join(tools))
    teller.expect("notes lists its tools", holds=listed.is_success and "list_notes" in tools, instead=listed.text)
    params: dict[str, Any] = {"name": "get_time", "arguments": {"time_zone": "Europe/Berlin"}}
    told = await stage.ask_mcp(stage.url("clock"), "tools/call", params, token=stage.tokens["short-lived"])
    time = result_of(told).get("structuredContent", {}).get("iso_time", "")
    teller.see("get_time", f"{time} (Europe/Berlin)")
    teller.expect("clock answers, with a token of its own", holds=bool(time), instead=told.text)


async def write_note(stage: Stage, teller: Teller) -> None:
    """Step 5 with more scope: the operator's token reaches a tool that the agents' tokens do not."""
    teller.step("5", "Another client, another scope: the operator writes a note")
    stage.clients["operator"] = credentials_of("operator", stage.settings).credentials
    await _get_token(stage, "operator", "operator", "notes", scope="mcp:write")
    teller.see("scope", str(stage.claims("operator")["scope"]))
    note = {"name": "Welcome", "text": "The machine path works: 1, 2, 3, 8, 5."}
    params: dict[str, Any] = {"name": "write_note", "arguments": note}
    written = await stage.ask_mcp(stage.url("notes"), "tools/call", params, token=stage.tokens["operator"])
    author = result_of(written).get("structuredContent", {}).get("created_by", {})
    teller.expect("the note knows who wrote it", holds=author.get("client_id") == "operator", instead=written.text)


async def _invite(stage: Stage) -> Invited:
    notes = stage.url("notes")

    async def work(office: Office) -> Invited:
        return await invite(office.state, office.identity, resources={notes: ["mcp:read"]})

    return await administer_async(stage.settings, None, work)


async def _get_token(stage: Stage, name: str, client: str, resource: str, scope: str = "mcp:read") -> None:
    tokens = Tokens(credentials=stage.clients[client], http=stage.http, issuer=stage.issuer)
    try:
        stage.tokens[name] = (await tokens.fetch(stage.url(resource), (scope,))).access_token
    except OAuthClientError as error:
        raise Failure(f"no token for {name}: {error}") from error


def _source(stage: Stage) -> str:
    if stage.researcher.mode == "sidecar":
        return "was read from the Dapr secret store `secretstore`, through researcher's own sidecar"
    return "was read from a file of mode 0600: no sidecar here"
