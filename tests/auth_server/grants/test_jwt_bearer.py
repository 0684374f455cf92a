import asyncio

import httpx2
import pytest
from structlog.testing import capture_logs

from auth_server.identity.lines import IdentityError
from auth_server.identity.load import load_identity
from tests.auth_server.idp import IDP, JWT_BEARER, STRANGE_KEY, WITH_IDP, id_jag, sound, with_idp
from tests.auth_server.world import CLOCK, ISSUER, NOTES, OPERATOR, PORTAL, START, Server, World, error

WHERE = "/.well-known/oauth-authorization-server"


@pytest.fixture(autouse=True)
def provider(world: World) -> None:
    with_idp(world)


async def _redeem(server: Server, assertion: str, *, basic: str | None = PORTAL, **form: str) -> httpx2.Response:
    return await server.post("/token", {"grant_type": JWT_BEARER, "assertion": assertion, **form}, basic=basic)


@pytest.mark.requirement("AS-51", "AS-52", "AS-53")
async def test_an_id_jag_becomes_a_token_for_its_resource_and_no_refresh_token(server: Server) -> None:
    answer = await _redeem(server, id_jag(sound(aud=[ISSUER], resource=[NOTES])))
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()) == ["access_token", "expires_in", "scope", "token_type"]
    claims = (await server.verified(answer.json()["access_token"])).claims
    assert (claims["aud"], claims["client_id"], claims["scope"]) == (NOTES, "portal", "mcp:read")
    assert ":" not in claims["sub"]
    assert "employee" not in claims["sub"]


async def test_a_person_is_the_same_one_each_time_and_nobody_else(server: Server, replica: Server) -> None:
    subjects: list[str] = []
    for at, who in ((server, "a"), (replica, "a"), (server, "b")):
        token = (await _redeem(at, id_jag(sound(sub=who)))).json()["access_token"]
        subjects.append((await server.verified(token)).claims["sub"])
    assert subjects[0] == subjects[1] != subjects[2]


@pytest.mark.requirement("AS-51")
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": f"{ISSUER}/token"},
        {"aud": None},
        {"client_id": "operator"},
        {"client_id": None},
        {"iss": "https://unknown.example"},
        {"iss": "https://kubernetes.default.svc"},
        {"iss": ISSUER},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"jti": None},
        {"jti": 7},
        {"exp": None},
        {"exp": int(START) - 30},
        {"exp": int(START) + 632},
        {"exp": True},
        {"exp": int(START) - 5, "iat": int(START)},
        {"iat": None},
        {"iat": int(START) + 31},
        {"nbf": int(START) + 31},
        {"resource": None},
        {"resource": CLOCK},
        {"resource": "https://unknown.example"},
        {"resource": [NOTES, CLOCK]},
        {"scope": 7},
    ],
)
async def test_an_unsound_assertion_is_an_invalid_grant(server: Server, changed: dict[str, object]) -> None:
    assert error(await _redeem(server, id_jag(sound(**changed)))) == (400, "invalid_grant")


@pytest.mark.requirement("AS-51", "AS-55")
async def test_type_algorithm_and_signature_are_checked(server: Server) -> None:
    for bad in (
        id_jag(typ="JWT"),
        id_jag(typ=None),
        id_jag(typ="at+jwt"),
        id_jag(key=STRANGE_KEY),
        id_jag(crit=["x"], x=1),
        id_jag()[:-4] + "AAAA",
        "nonsense",
    ):
        assert error(await _redeem(server, bad)) == (400, "invalid_grant"), bad
    assert error(await _redeem(server, "")) == (400, "invalid_request")


@pytest.mark.requirement("AS-55")
async def test_an_algorithm_that_the_issuer_does_not_use_is_refused(server: Server, world: World) -> None:
    head, _, tail = WITH_IDP.rpartition("algorithms: [ES256]")
    with_idp(world, f"{head}algorithms: [RS256]{tail}")
    await server.parts.refresh()
    assert error(await _redeem(server, id_jag())) == (400, "invalid_grant")


@pytest.mark.requirement("AS-55")
async def test_an_assertion_is_good_once_on_all_replicas_together(server: Server, replica: Server) -> None:
    assertion = id_jag()
    answers = await asyncio.gather(*(_redeem(at, assertion) for at in (server, replica) * 3))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert "used before" in refused.json()["error_description"]


async def test_a_refusal_uses_nothing_up(server: Server) -> None:
    assertion = id_jag()
    assert error(await _redeem(server, assertion, scope="mcp:write")) == (400, "invalid_scope")
    assert error(await _redeem(server, assertion, resource=CLOCK)) == (400, "invalid_target")
    assert (await _redeem(server, assertion, resource=NOTES)).status_code == 200


@pytest.mark.requirement("AS-55")
async def test_scopes_are_those_of_assertion_issuer_and_client_together(server: Server) -> None:
    wide = await _redeem(server, id_jag(sound(scope="mcp:read mcp:write mcp:delete")))
    # The client may write and read, the issuer lets read and delete.
    assert wide.json()["scope"] == "mcp:read"
    assert error(await _redeem(server, id_jag(sound(scope="mcp:delete")))) == (400, "invalid_scope")
    assert (await _redeem(server, id_jag(sound(scope=None)))).json()["scope"] == "mcp:read"


@pytest.mark.requirement("AS-53")
async def test_only_a_registered_client_that_proves_itself_redeems(server: Server, world: World) -> None:
    assert error(await _redeem(server, id_jag(sound(client_id="operator")), basic=OPERATOR)) == (
        400,
        "unauthorized_client",
    )
    assert error(await _redeem(server, id_jag(sound(client_id="desk")), basic=None, client_id="desk")) == (
        400,
        "unauthorized_client",
    )
    assert error(await _redeem(server, id_jag(), basic="portal:wrong")) == (401, "invalid_client")


@pytest.mark.requirement("AS-54")
async def test_the_metadata_says_that_id_jags_are_taken_and_not_whose(server: Server, world: World) -> None:
    said = (await server.http.get(WHERE)).json()
    assert said["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert JWT_BEARER in said["grant_types_supported"]
    assert IDP not in str(said)
    unknown = await _redeem(server, id_jag(sound(iss="https://unknown.example")))
    not_for_this = await _redeem(server, id_jag(sound(iss="https://kubernetes.default.svc")))
    assert unknown.json() == not_for_this.json()
    world.write_identity()
    await server.parts.refresh()
    said = (await server.http.get(WHERE)).json()
    assert "authorization_grant_profiles_supported" not in said
    assert JWT_BEARER not in said["grant_types_supported"]


@pytest.mark.requirement("AS-55")
async def test_neither_assertion_nor_person_of_the_provider_is_in_a_log(server: Server) -> None:
    good, bad = id_jag(), id_jag(sound(aud="https://other.example"))
    with capture_logs() as logs:
        await _redeem(server, good)
        await _redeem(server, bad)
    assert [line["outcome"] for line in logs] == ["issued", "invalid_grant"]
    assert logs[1]["issuer"] == IDP
    for word in (good, bad, good.rpartition(".")[2], "employee 7"):
        assert word not in str(logs)


async def test_a_client_for_it_is_confidential_or_the_file_is_refused(world: World) -> None:
    kiosk = "    grant_types: [authorization_code]\n"
    with_idp(world, WITH_IDP.replace(kiosk, kiosk.replace("]", f', "{JWT_BEARER}"]'), 1))
    with pytest.raises(IdentityError, match="jwt-bearer is for clients that prove themselves"):
        load_identity(world.identity)
