from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.auth_server.person import DESK_BACK, Person, asked, back, by_portal, redeem
from tests.auth_server.world import CLOCK, ISSUER, NOTES, REPORTS, Server


async def authorize(server: Server, request: dict[str, str], method: str = "GET"):
    if method == "POST":
        return await server.http.post("/authorize", data=request)
    return await server.http.get("/authorize", params=request)


@pytest.mark.requirement("AS-22", "AS-38")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_sound_request_leads_to_a_page_of_ours_never_at_once_to_the_client(server: Server, method: str) -> None:
    answer = await authorize(server, asked(), method)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/consent?interaction=")
    person = Person(server=server)
    assert (await person.get(answer.headers["location"])).status_code == 200
    assert 'name="password"' in person.page


@pytest.mark.requirement("AS-19", "AS-21")
@pytest.mark.parametrize(
    "request_",
    [
        asked(client_id=None),
        asked(client_id="nobody"),
        asked(client_id="a||b"),
        asked(redirect_uri=None),
        asked(redirect_uri="http://127.0.0.1:49152/callback/"),
        asked(redirect_uri="http://127.0.0.1:49152/callback?x=1"),
        asked(redirect_uri="http://127.0.0.1:49152/callback#x"),
        asked(redirect_uri="http://127.0.0.1:49152@evil.example/callback"),
        asked(redirect_uri="http://127.0.0.2:49152/callback"),
        asked(redirect_uri="https://127.0.0.1:49152/callback"),
        asked(redirect_uri="https://evil.example/callback"),
        by_portal(redirect_uri="https://portal.example:8443/callback"),
        by_portal(redirect_uri="https://portal.example/callback/../other"),
        by_portal(redirect_uri="https://PORTAL.example/callback"),
        by_portal(redirect_uri="https://portal.example/callback?x"),
        by_portal(redirect_uri="https://portal.example/"),
        asked(client_id="researcher", redirect_uri="https://evil.example/"),
    ],
)
async def test_an_unknown_client_or_redirect_uri_ends_on_a_page(server: Server, request_: dict[str, str]) -> None:
    answer = await authorize(server, request_)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "location" not in answer.headers
    assert "www-authenticate" not in answer.headers


@pytest.mark.requirement("AS-21")
async def test_a_repeated_parameter_ends_on_a_page(server: Server) -> None:
    twice = urlencode(asked()) + "&" + urlencode({"redirect_uri": "https://evil.example/"})
    assert (await server.http.get(f"/authorize?{twice}")).status_code == 400


@pytest.mark.requirement("AS-15", "AS-16", "AS-24", "AS-32", "AS-36")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "eyJ"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"resource": "https://unknown.example/mcp"}, "invalid_target"),
        ({"resource": f"{NOTES}#x"}, "invalid_target"),
        ({"resource": None}, "invalid_target"),
        ({"scope": "mcp:everything"}, "invalid_scope"),
        ({"scope": "a  b"}, "invalid_scope"),
        ({"resource": CLOCK, "scope": "mcp:write"}, "invalid_scope"),
        ({"resource": REPORTS, "scope": None}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"nonce": "n" * 2049}, "invalid_request"),
    ],
)
async def test_every_other_refusal_goes_back_to_the_client_with_state_and_iss(
    server: Server, changed: dict[str, str | None], error: str
) -> None:
    answer = await Person(server=server).get("/authorize", **asked(**changed))
    assert answer.headers["location"].startswith(f"{DESK_BACK}?")
    told = back(answer)
    assert (told["error"], told["state"], told["iss"]) == (error, "st ate&=+", ISSUER)
    assert "code" not in told


@pytest.mark.requirement("AS-32")
async def test_a_client_reaches_the_resources_and_scopes_of_its_entry_alone(server: Server) -> None:
    assert back(await authorize(server, by_portal(resource=REPORTS)))["error"] == "invalid_target"
    assert back(await authorize(server, by_portal(scope="mcp:delete")))["error"] == "invalid_scope"
    two = urlencode(by_portal()) + "&" + urlencode({"resource": CLOCK})
    assert back(await server.http.get(f"/authorize?{two}"))["error"] == "invalid_target"


async def test_a_client_of_the_machine_path_sends_nobody_here(server: Server) -> None:
    answer = await authorize(server, asked(client_id="researcher", redirect_uri=None))
    assert answer.status_code == 400


@pytest.mark.requirement("AS-19", "AS-20", "AS-23")
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/callback",
        "http://[::1]:65535/callback",
        "http://localhost:8/callback",
    ],
)
async def test_a_loopback_port_is_free_and_the_answer_goes_where_it_was_asked(server: Server, uri: str) -> None:
    person = Person(server=server)
    await person.get("/authorize", **asked(redirect_uri=uri))
    answer = await person.sign_in()
    assert "This leads to a program on your own computer" in person.page
    policy = answer.headers["content-security-policy"]
    assert "form-action 'self' https: http:" in policy
    sent = await person.decide("mcp:read")
    assert sent.headers["location"].startswith(f"{uri}?code=")


async def test_a_redirect_uri_keeps_its_own_query(server: Server) -> None:
    person = Person(server=server)
    told = await person.allow(**by_portal(redirect_uri="https://portal.example/other?fixed=1"))
    assert told["fixed"] == "1"
    assert "code" in told


@pytest.mark.requirement("AS-22", "AS-24", "AS-25", "AS-36", "AS-40")
async def test_who_signs_in_and_allows_is_sent_back_with_code_state_and_iss(server: Server) -> None:
    person = Person(server=server)
    told = await person.allow()
    assert set(told) == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("st ate&=+", ISSUER)
    metadata = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["authorization_endpoint"] == f"{ISSUER}/authorize"


@pytest.mark.requirement("AS-40")
async def test_no_page_of_people_may_be_read_by_another_site(server: Server) -> None:
    elsewhere = {"origin": "https://page.example"}
    for path in ("/authorize", "/sign-in", "/consent", "/account", "/sign-out"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await server.http.request(method, path, headers=elsewhere)
            assert not [name for name in answer.headers if name.startswith("access-control")], (method, path)
            assert answer.status_code in (303, 400, 405, 200), (method, path)
            assert answer.status_code not in (301, 302, 307, 308)


@pytest.mark.requirement("AS-39")
async def test_no_page_can_be_framed_stored_or_run_a_script(server: Server) -> None:
    person = Person(server=server)
    pages = [await person.get("/authorize", **asked()), await person.sign_in(), await person.get("/account")]
    pages.append(await server.http.get("/authorize"))
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
        assert "style=" not in page.text
    assert (await server.http.get("/style.css")).headers["content-type"] == "text/css"


async def test_whatever_a_request_says_stands_on_a_page_as_text(server: Server) -> None:
    person = Person(server=server)
    await person.get("/authorize", **asked(login_hint='"><script>alert(1)</script>'))
    assert "<script" not in person.page
    assert "&lt;script&gt;" in person.page


async def test_the_request_waits_at_any_replica(server: Server, replica: Server) -> None:
    person = Person(server=server)
    await person.get("/authorize", **asked())
    await person.sign_in()
    person.server = replica
    answer = await person.decide("mcp:read")
    assert (await redeem(server, back(answer)["code"])).status_code == 200


async def test_a_request_that_is_ten_minutes_old_is_no_longer_there(server: Server) -> None:
    person = Person(server=server)
    await person.get("/authorize", **asked())
    server.world.clock.now += 601
    assert (await person.sign_in()).status_code == 400


async def test_a_state_that_was_not_sent_does_not_come_back(server: Server) -> None:
    told = await Person(server=server).allow(state=None)
    assert "state" not in told


async def test_nothing_of_the_query_is_decoded_twice(server: Server) -> None:
    answer = await authorize(server, asked(state="%2541", response_type=None))
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["%2541"]
