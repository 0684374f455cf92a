"""Whatever strangers send, to every endpoint: no 5xx, nothing unhandled, no redirect that leads astray."""

import base64
import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from tests.human.surface import FORM, SURFACE, Endpoint, leads_astray, openapi
from tests.human.town import PASSWORD, USER, Town

pytestmark = pytest.mark.xdist_group("human")

BACK = "http://127.0.0.1:49152/callback"
PROVED = ("http://127.0.0.1/callback",)
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    f"{BACK}@evil.example",
)
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
KNOWN = ("code", "S256", "mcp:read", "mcp:read mcp:write", "openid", "none", "login", "0", "-1", "allow", "on", USER)
GRANTS = ("authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer")
ODD = (
    "",
    "\x00",
    "a\r\nSet-Cookie: x=y",
    "\ud7ff",
    "%",
    "'\"<script>",
    "9" * 400,
    "a" * 3000,
    ".." * 9,
    "eyJhbGciOiJub25lIn0.e30.",
)
KINDS = (FORM, "application/json", "text/plain", "multipart/form-data; boundary=x", f"{FORM}; charset=utf-7")
EVERY = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.function_scoped_fixture,
)
LIVELY = settings(max_examples=40, deadline=None, suppress_health_check=EVERY, database=None)

schema = schemathesis.openapi.from_dict(openapi())
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([BACK, *ELSEWHERE, *GRANTS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="session")
def stranger(running_town: Town) -> dict[str, str]:
    """A client that registered itself; its redirect URI is the only one that is proved."""
    described = {"redirect_uris": [BACK], "grant_types": ["authorization_code"], "application_type": "native"}
    answer = httpx2.post(f"{running_town.place.issuer}/register", json=described, trust_env=False)
    assert answer.status_code == 201
    return {"id": answer.json()["client_id"], "bearer": answer.json()["registration_access_token"]}


def sound(client_id: str, resource: str) -> dict[str, str]:
    """An authorization request without fault."""
    asked = {"client_id": client_id, "redirect_uri": BACK, "response_type": "code", "resource": resource}
    return {**asked, "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "mcp:read", "state": "s"}


def held(answer: httpx2.Response) -> None:
    """What must be so, whatever was sent."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:300])
    if "location" in answer.headers:
        assert not leads_astray(answer.headers["location"], PROVED), answer.headers["location"]
    event(f"status {answer.status_code}")


def values(stranger: Mapping[str, str], town: Town) -> st.SearchStrategy[str]:
    """Sound values, odd ones, and any text."""
    good = (
        stranger["id"],
        town.place.resource,
        BACK,
        CHALLENGE,
        PASSWORD,
        "operator",
        town.operator[1],
        *KNOWN,
        *GRANTS,
    )
    return st.sampled_from([*good, *ELSEWHERE, *ODD]) | st.text(max_size=40)


def headers(stranger: Mapping[str, str], town: Town) -> st.SearchStrategy[dict[str, str]]:
    """Proofs, cookies and content types, sound or not; all that HTTP can carry."""
    basic = "Basic " + base64.b64encode(":".join(town.operator).encode()).decode()
    latin = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    shown = (
        st.sampled_from([basic, f"Bearer {stranger['bearer']}", "Basic", "Basic ====", "Bearer x y", "Basic /w=="])
        | latin
    )
    cookie = st.sampled_from(["__Host-daca=x", "__Host-daca=", '__Host-daca="\\"', "a=b; ; =", "\x7f"]) | latin
    return st.fixed_dictionaries(
        {"content-type": st.sampled_from(KINDS)},
        optional={"authorization": shown, "cookie": cookie, "x-forwarded-for": latin, "origin": latin},
    )


@pytest.mark.requirement("AS-38")
@pytest.mark.parametrize("endpoint", SURFACE, ids=lambda each: each.path[:20])
def test_no_form_query_or_header_breaks_an_endpoint(
    endpoint: Endpoint, running_town: Town, stranger: dict[str, str]
) -> None:
    with httpx2.Client(base_url=running_town.place.issuer, trust_env=False, timeout=30) as http:

        @LIVELY
        @given(st.data())
        def hold(data: st.DataObject) -> None:
            method = data.draw(st.sampled_from((*endpoint.methods, "POST")))
            head = data.draw(headers(stranger, running_town))
            query, body = "", b""
            fields = data.draw(_fields(endpoint, values(stranger, running_town)))
            if endpoint.path == "/authorize":
                fields = {**sound(stranger["id"], running_town.place.resource), **fields}
            encoded = urlencode(fields, errors="surrogatepass")
            if method in ("GET", "DELETE"):
                query = encoded
            elif endpoint.json:
                described = data.draw(st.dictionaries(st.sampled_from(endpoint.parameters), _json) | _json)
                body = json.dumps(described).encode()
            else:
                body = data.draw(st.just(encoded.encode()) | st.binary(max_size=200))
            held(
                http.request(method, f"{endpoint.path}?{query}" if query else endpoint.path, content=body, headers=head)
            )

        hold()
    assert unhandled(running_town) == []


@pytest.mark.requirement("AS-38")
@LIVELY
@given(aim=st.sampled_from(ELSEWHERE) | st.text(max_size=60).map(lambda rest: BACK + rest) | st.text(max_size=60))
@example(aim=BACK)
def test_no_redirect_uri_leads_astray(running_town: Town, stranger: dict[str, str], aim: str) -> None:
    asked = {**sound(stranger["id"], running_town.place.resource), "redirect_uri": aim, "response_type": "token"}
    answer = httpx2.get(f"{running_town.place.issuer}/authorize?{urlencode(asked)}", trust_env=False)

    held(answer)
    if aim and leads_astray(aim, PROVED):
        assert answer.status_code == 400
    if aim == BACK:
        assert answer.headers["location"].startswith(BACK + "?")


@schema.parametrize()  # type: ignore[misc, reportUnknownMemberType, reportUntypedFunctionDecorator]  it has no types
@LIVELY
def test_schemathesis_finds_no_way_to_break_an_endpoint(
    case: schemathesis.Case[Any], running_town: Town, stranger: dict[str, str]
) -> None:
    made: dict[str, Any] = case.as_transport_kwargs(base_url=running_town.place.issuer)
    answer = httpx2.request(
        made["method"],
        made["url"],
        params=made.get("params"),
        content=_content(made),
        headers={name: value for name, value in dict(made["headers"]).items() if value.isascii()},
        trust_env=False,
        timeout=30,
    )
    held(answer)


@pytest.mark.parametrize("proven", [False, True], ids=["stranger", "caller"])
def test_no_message_breaks_the_door_or_the_tools_behind_it(running_town: Town, *, proven: bool) -> None:
    place = running_town.place
    form = {"grant_type": "client_credentials", "resource": place.resource, "scope": "mcp:read mcp:write"}
    auth = httpx2.BasicAuth(*running_town.operator)
    granted = httpx2.post(f"{place.issuer}/token", data=form, auth=auth, trust_env=False).json()
    proof = {"authorization": f"Bearer {granted['access_token']}"} if proven else {}
    method = (
        st.sampled_from(["initialize", "tools/call", "tools/list", "ping", "notifications/initialized", "x"])
        | st.text()
    )
    called = st.fixed_dictionaries(
        {
            "name": st.sampled_from(["write_note", "read_note", "search_notes", "list_notes", "x"]) | _json,
            "arguments": _json,
        }
    )
    message = st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0") | _json, "method": method}, optional={"id": _json, "params": called | _json}
    )
    latin = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
    accepted = st.sampled_from(["application/json, text/event-stream", "application/json", "*/*"]) | latin
    head = st.fixed_dictionaries(
        {"accept": accepted, "content-type": st.sampled_from(["application/json", *KINDS])},
        optional=dict.fromkeys(("mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"), latin),
    )
    body = (message | st.lists(message, max_size=2) | _json).map(lambda sent: json.dumps(sent).encode())

    with httpx2.Client(trust_env=False, timeout=30) as http:

        @LIVELY
        @given(body | st.binary(max_size=100), head, st.sampled_from(["POST", "POST", "POST", "DELETE", "PUT"]))
        def hold(sent: bytes, more: dict[str, str], verb: str) -> None:
            answer = http.request(verb, place.resource, content=sent, headers={**more, **proof})
            held(answer)
            if not proven:
                assert answer.status_code >= 400

        hold()
    assert unhandled(running_town) == []


def unhandled(town: Town) -> list[object]:
    """Exceptions that nobody expected, as the processes logged them."""
    return [line for line in town.logged() if "exception" in line or line.get("event") == "failed"]


def _fields(endpoint: Endpoint, value: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    names = st.sampled_from(endpoint.parameters) if endpoint.parameters else st.text(max_size=5)
    return st.dictionaries(names, value, max_size=9)


def _content(made: dict[str, Any]) -> bytes:
    if "json" in made:
        return json.dumps(made["json"]).encode()
    data = made.get("data") or b""
    if isinstance(data, Mapping):
        return urlencode(cast("Mapping[str, Any]", data), doseq=True, quote_via=quote, errors="replace").encode()
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")
