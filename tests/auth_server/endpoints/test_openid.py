import pytest

from tests.auth_server.person import Person, refresh
from tests.auth_server.world import ISSUER, START, Server

EVERYTHING = "openid profile mcp:read"


@pytest.fixture
def person(server: Server) -> Person:
    return Person(server=server)


async def userinfo(server: Server, token: str, method: str = "GET"):
    return await server.http.request(method, "/userinfo", headers={"authorization": f"Bearer {token}"})


async def personal(person: Person, *scopes: str, **request: str) -> str:
    """A token for userinfo itself."""
    told = await person.tokens(*scopes, scope=EVERYTHING, **request)
    answer = await refresh(person.server, told["refresh_token"], resource=f"{ISSUER}/userinfo")
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def test_whoever_asks_for_openid_is_told_who_signed_in(person: Person) -> None:
    told = await person.tokens(scope=EVERYTHING, nonce="n-0S6_WzA2Mj")
    token = await person.server.verified(told["id_token"])
    assert (token.header["alg"], token.header["typ"]) == ("RS256", "JWT")
    assert token.claims.pop("at_hash")
    assert token.claims == {
        "iss": ISSUER,
        "sub": "u-grace",
        "aud": "desk",
        "iat": START,
        "exp": START + 300,
        "auth_time": START,
        "nonce": "n-0S6_WzA2Mj",
    }


async def test_whoever_does_not_ask_or_is_not_allowed_is_not_told(person: Person) -> None:
    assert "id_token" not in await person.tokens()
    struck = await person.tokens("mcp:read", scope=EVERYTHING)
    assert "id_token" not in struck
    answer = await refresh(person.server, struck["refresh_token"], resource=f"{ISSUER}/userinfo")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert (await refresh(person.server, struck["refresh_token"])).status_code == 200
    assert (await userinfo(person.server, await personal(person, "profile", "mcp:read"))).status_code == 403


@pytest.mark.requirement("AS-34")
async def test_what_an_mcp_server_was_sent_tells_it_nothing_at_userinfo(person: Person) -> None:
    told = await person.tokens(scope=EVERYTHING)
    again = (await refresh(person.server, told["refresh_token"])).json()
    for token in (told["access_token"], again["access_token"]):
        answer = await userinfo(person.server, token)
        assert (answer.status_code, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)
        assert "grace" not in answer.text


async def test_a_token_for_userinfo_is_for_nothing_else(person: Person) -> None:
    token = await person.server.verified(await personal(person))
    assert (token.claims["aud"], token.claims["scope"]) == (f"{ISSUER}/userinfo", "openid profile")
    told = await person.tokens(scope=EVERYTHING)
    wide = await refresh(person.server, told["refresh_token"], resource=f"{ISSUER}/userinfo", scope="openid mcp:read")
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")
    narrow = await refresh(person.server, told["refresh_token"], resource=f"{ISSUER}/userinfo", scope="openid")
    assert (await userinfo(person.server, narrow.json()["access_token"])).json() == {"sub": "u-grace"}
    onward = (await refresh(person.server, narrow.json()["refresh_token"])).json()
    assert onward["scope"] == "mcp:read openid profile"


@pytest.mark.requirement("AS-34")
async def test_an_id_token_is_no_access_token(person: Person) -> None:
    told = await person.tokens(scope=EVERYTHING)
    assert (await userinfo(person.server, told["id_token"])).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_userinfo_tells_what_was_allowed(person: Person, method: str) -> None:
    answer = await userinfo(person.server, await personal(person), method)
    assert answer.json() == {"sub": "u-grace", "preferred_username": "grace"}
    little = await personal(person, "openid", "mcp:read")
    assert (await userinfo(person.server, little, method)).json() == {"sub": "u-grace"}


async def test_userinfo_is_for_live_access_tokens_of_people_alone(person: Person) -> None:
    told = await person.tokens(scope=EVERYTHING)
    answer = await refresh(person.server, told["refresh_token"], resource=f"{ISSUER}/userinfo")
    told = answer.json()
    bare = await person.server.http.get("/userinfo")
    assert (bare.status_code, "error" in bare.headers["www-authenticate"]) == (401, False)
    assert (await person.server.http.get(f"/userinfo?access_token={told['access_token']}")).status_code == 401
    machine = (await person.server.token()).json()["access_token"]
    answer = await userinfo(person.server, machine)
    assert (answer.status_code, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)
    for token in ("x", told["refresh_token"], told["access_token"][:-4] + "AAAA"):
        answer = await userinfo(person.server, token)
        assert (answer.status_code, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)
    await person.server.post("/revoke", {"client_id": "desk", "token": told["refresh_token"]})
    assert (await userinfo(person.server, told["access_token"])).status_code == 401


async def test_a_refreshed_token_still_tells_who_the_person_is(person: Person) -> None:
    told = await person.tokens(scope=EVERYTHING)
    own = {"resource": f"{ISSUER}/userinfo"}
    first = (await refresh(person.server, told["refresh_token"], **own)).json()
    person.server.world.clock.now += 301
    assert (await userinfo(person.server, first["access_token"])).status_code == 401
    again = (await refresh(person.server, first["refresh_token"], **own)).json()
    assert (await userinfo(person.server, again["access_token"])).status_code == 200
    assert "id_token" not in again


async def test_the_openid_document_says_so(person: Person) -> None:
    told = (await person.server.http.get("/.well-known/openid-configuration")).json()
    assert told["userinfo_endpoint"] == f"{ISSUER}/userinfo"
    assert told["id_token_signing_alg_values_supported"] == ["RS256"]
    assert told["pushed_authorization_request_endpoint"] == f"{ISSUER}/par"
    assert {"openid", "profile", "offline_access"} <= set(told["scopes_supported"])
