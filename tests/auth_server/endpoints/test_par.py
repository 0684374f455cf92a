import pytest

from tests.auth_server.person import DESK_BACK, PORTAL_BACK, Person, asked, back, by_portal, redeem
from tests.auth_server.world import ISSUER, PORTAL, Server, error


async def pushed(server: Server, **changed: str | None) -> str:
    request = {name: value for name, value in by_portal(**changed).items() if name != "client_id"}
    answer = await server.post("/par", request, basic=PORTAL)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == 60
    return answer.json()["request_uri"]


async def test_a_pushed_request_goes_on_like_any_other(server: Server, replica: Server) -> None:
    person = Person(server=replica)
    request_uri = await pushed(server)
    told = await person.allow(**dict.fromkeys(asked()) | {"client_id": "portal", "request_uri": request_uri})
    assert (told["state"], told["iss"]) == ("st ate&=+", ISSUER)
    assert (await redeem(server, told["code"], client_id="portal")).status_code == 200


async def test_a_public_client_pushes_with_its_id_alone(server: Server) -> None:
    answer = await server.post("/par", asked())
    assert answer.status_code == 201
    assert answer.json()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")


@pytest.mark.parametrize(
    ("request_", "basic", "refused"),
    [
        (by_portal(), None, (401, "invalid_client")),
        (by_portal(), "portal:wrong", (401, "invalid_client")),
        (by_portal(client_id="desk"), PORTAL, (400, "invalid_request")),
        (by_portal(redirect_uri=DESK_BACK), PORTAL, (400, "invalid_request")),
        (by_portal(code_challenge=None), PORTAL, (400, "invalid_request")),
        (by_portal(request_uri="urn:x"), PORTAL, (400, "invalid_request")),
        (by_portal(scope="mcp:delete"), PORTAL, (400, "invalid_scope")),
        (by_portal(resource="https://unknown.example"), PORTAL, (400, "invalid_target")),
    ],
)
async def test_whatever_is_wrong_is_told_at_once(
    server: Server, request_: dict[str, str], basic: str | None, refused: tuple[int, str]
) -> None:
    assert error(await server.post("/par", request_, basic=basic)) == refused


async def test_a_pushed_request_is_used_once_by_its_client_within_a_minute(server: Server) -> None:
    async def sent(request_uri: str, client_id: str = "portal") -> int:
        query = {"client_id": client_id, "request_uri": request_uri, "redirect_uri": PORTAL_BACK}
        return (await server.http.get("/authorize", params=query)).status_code

    request_uri = await pushed(server)
    assert await sent(request_uri, "desk") == 400
    assert await sent(request_uri) == 303
    assert await sent(request_uri) == 400
    late = await pushed(server)
    server.world.clock.now += 60
    assert await sent(late) == 400
    for nothing in ("urn:ietf:params:oauth:request_uri:", "https://evil.example/", request_uri + "0"):
        assert await sent(nothing) == 400


async def test_a_pushed_request_is_no_page_before_the_client_sends_somebody(server: Server) -> None:
    name = (await pushed(server)).rpartition(":")[2]
    assert (await server.http.get("/consent", params={"interaction": name})).status_code == 400


async def test_what_is_sent_beside_a_pushed_request_changes_nothing(server: Server) -> None:
    person = Person(server=server)
    request = by_portal(scope="mcp:write", state="changed", redirect_uri=DESK_BACK)
    await person.get("/authorize", **request, request_uri=await pushed(server, scope="mcp:read"))
    await person.sign_in()
    assert person.boxes() == ["mcp:read"]
    assert back(await person.decide("mcp:read"))["state"] == "st ate&=+"
