import asyncio
import hmac
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest
from joserfc import jwk

from auth_server.models import TrustedIssuer
from tests.auth_server.world import (
    CLIENT_KEY,
    ISSUER,
    JWT_BEARER,
    KUBERNETES,
    KUBERNETES_KEY,
    NOTES,
    OTHER_KEY,
    START,
    Server,
    World,
    claims,
    error,
    part,
    signed,
    urlsafe,
    workload,
)

REFUSED = (401, "invalid_client")


@pytest.mark.requirement("AS-45", "AS-44")
async def test_a_client_proves_itself_with_its_key(server: Server) -> None:
    answer = await server.with_assertion(signed(claims()), resource=NOTES)
    token = await server.verified(answer.json()["access_token"])
    assert (token.claims["sub"], token.claims["client_id"]) == ("client:keyed", "keyed")


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "client-authentication+jwt"}, {"kid": "client-key"}])
async def test_the_usual_headers_are_taken(server: Server, header: dict[str, object]) -> None:
    assert (await server.with_assertion(signed(claims(), header=header))).status_code == 200


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize(
    "time", [{"exp": START - 10}, {"exp": START + 3600}, {"iat": START + 20}, {"nbf": START + 20}, {"iat": None}]
)
async def test_clocks_may_differ_a_little(server: Server, time: dict[str, object]) -> None:
    assert (await server.with_assertion(signed(claims(**time)))).status_code == 200


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": None},
        {"aud": ISSUER + "/"},
        {"aud": ISSUER + "/token"},
        {"aud": [ISSUER, NOTES]},
        {"aud": []},
        {"aud": {"issuer": ISSUER}},
        {"exp": None},
        {"exp": START - 31},
        {"exp": START + 7200},
        {"exp": str(START + 60)},
        {"exp": True},
        {"exp": 1e300},
        {"exp": -1},
        {"nbf": START + 31},
        {"iat": START + 31},
        {"iat": "now"},
        {"iat": True},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 600},
        {"iss": "researcher", "sub": "researcher"},
        {"iss": "nobody", "sub": "nobody"},
        {"iss": "operator"},
        {"sub": "operator"},
        {"sub": None},
        {"iss": ["keyed"]},
    ],
)
async def test_an_unsound_claim_is_refused(server: Server, changed: dict[str, object]) -> None:
    assert error(await server.with_assertion(signed(claims(**changed)))) == REFUSED


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize(
    "header", [{"typ": "at+jwt"}, {"typ": 7}, {"kid": "another"}, {"typ": "JWT", "b64": True, "crit": ["b64"]}]
)
async def test_an_unsound_header_is_refused(server: Server, header: dict[str, object]) -> None:
    assert error(await server.with_assertion(signed(claims(), header=header))) == REFUSED


@pytest.mark.requirement("AS-45")
async def test_a_key_that_is_not_registered_is_refused(server: Server) -> None:
    assert error(await server.with_assertion(signed(claims(), OTHER_KEY))) == REFUSED
    header, payload, _ = signed(claims()).split(".")
    foreign = signed(claims(), OTHER_KEY).rpartition(".")[2]
    assert error(await server.with_assertion(f"{header}.{payload}.{foreign}")) == REFUSED


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize(
    "assertion",
    [
        f"{part({'alg': 'none'})}.{part(claims())}.",
        f"{part({'alg': 'none'})}.{part(claims())}.AAAA",
        f"{part({'alg': 'HS256'})}.{part(claims())}.AAAA",
        f"{part({'alg': 'ES256K'})}.{part(claims())}.AAAA",
        f"{part({'alg': ['ES256']})}.{part(claims())}.AAAA",
        f"{part({})}.{part(claims())}.AAAA",
        f"{part([])}.{part(claims())}.AAAA",
        f"{part({'alg': 'ES256'})}.{part([claims()])}.AAAA",
        f"{part({'alg': 'ES256'})}.{part(claims())}",
        "a.b.c",
        "....",
        "x" * 9000,
    ],
)
async def test_what_is_no_signed_jwt_is_refused(server: Server, assertion: str) -> None:
    assert error(await server.with_assertion(assertion)) == REFUSED


@pytest.mark.requirement("AS-45")
async def test_the_public_key_is_no_hmac_secret(server: Server) -> None:
    body = part({"alg": "HS256", "kid": "client-key"}) + "." + part(claims())
    mac = hmac.digest(CLIENT_KEY.as_pem(private=False), body.encode(), "sha256")
    assert error(await server.with_assertion(f"{body}.{urlsafe(mac)}")) == REFUSED


@pytest.mark.requirement("AS-45")
async def test_an_assertion_is_good_once_on_all_replicas_together(server: Server, replica: Server) -> None:
    assertion = signed(claims())
    answers = await asyncio.gather(*(where.with_assertion(assertion) for where in [server, replica] * 5))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


@pytest.mark.requirement("AS-45")
async def test_a_used_jti_stays_used_in_another_assertion_and_until_it_would_expire(server: Server) -> None:
    assert (await server.with_assertion(signed(claims(jti="once")))).status_code == 200
    server.world.clock.now += 59
    assert error(await server.with_assertion(signed(claims(jti="once", exp=START + 90)))) == REFUSED
    server.world.clock.now += 40
    assert (await server.with_assertion(signed(claims(jti="once", exp=START + 200)))).status_code == 200


@pytest.mark.requirement("AS-45")
async def test_an_assertion_without_jti_is_good_once_too(server: Server) -> None:
    assertion = signed(claims(jti=None))
    assert (await server.with_assertion(assertion)).status_code == 200
    assert error(await server.with_assertion(assertion)) == REFUSED


async def test_a_refused_assertion_spends_nothing(server: Server) -> None:
    payload = claims(jti="kept")
    assert error(await server.with_assertion(signed(payload, OTHER_KEY))) == REFUSED
    assert (await server.with_assertion(signed(payload))).status_code == 200


@pytest.mark.requirement("AS-45")
async def test_client_id_beside_an_assertion_must_agree(server: Server) -> None:
    assert (await server.with_assertion(signed(claims()), client_id="keyed")).status_code == 200
    assert error(await server.with_assertion(signed(claims()), client_id="operator")) == REFUSED


async def test_an_assertion_comes_with_its_type(server: Server) -> None:
    assert error(await server.token(basic=None, client_assertion=signed(claims()))) == (400, "invalid_request")
    assert error(await server.token(basic=None, client_assertion_type=JWT_BEARER)) == (400, "invalid_request")
    other = {
        "client_assertion": signed(claims()),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
    }
    assert error(await server.token(basic=None, **other)) == REFUSED


async def test_a_client_with_a_key_has_no_secret_to_guess(server: Server) -> None:
    told = await server.token(basic="keyed:any-secret")
    assert error(told) == REFUSED
    assert "private_key_jwt" in told.json()["error_description"]
    assert error(await server.token(basic="scribe:anything-at-all-of-some-length")) == REFUSED


Serve = Callable[[httpx2.Request], httpx2.Response]


class Cluster:
    """A trusted issuer's key server."""

    def __init__(self) -> None:
        self.keys: list[object] = [KUBERNETES_KEY.as_dict(private=False)]
        self.asked: list[httpx2.Request] = []
        self.answer: Serve | None = None

    def __call__(self, _trusted: TrustedIssuer) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        return self._client()

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[httpx2.AsyncClient]:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self._serve)) as client:
            yield client

    def _serve(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self.answer(request) if self.answer else httpx2.Response(200, json={"keys": self.keys})


@pytest.fixture
def cluster(world: World) -> Cluster:
    world.http = cluster = Cluster()
    return cluster


@pytest.mark.requirement("AS-45", "AS-44")
async def test_a_workload_of_a_trusted_issuer_stands_for_its_client(cluster: Cluster, server: Server) -> None:
    assert not cluster.asked
    answer = await server.with_assertion(signed(workload(), KUBERNETES_KEY))
    assert (await server.verified(answer.json()["access_token"])).claims["client_id"] == "scribe"
    await server.with_assertion(signed(workload(), KUBERNETES_KEY))
    assert [str(request.url) for request in cluster.asked] == [f"{KUBERNETES}/openid/v1/jwks"]


@pytest.mark.requirement("AS-45")
@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "system:serviceaccount:daca:other"},
        {"iss": "https://another.example"},
        {"aud": ["https://kubernetes.default.svc"]},
        {"aud": [ISSUER, KUBERNETES]},
        {"exp": START - 60},
        {"exp": START + 90_000},
    ],
)
async def test_another_workload_is_refused_and_costs_no_fetch(
    cluster: Cluster, server: Server, changed: dict[str, object]
) -> None:
    assert error(await server.with_assertion(signed(workload(**changed), KUBERNETES_KEY))) == REFUSED
    assert not cluster.asked


@pytest.mark.requirement("AS-45")
async def test_a_workload_is_proven_by_its_issuers_key_alone(cluster: Cluster, server: Server) -> None:
    assert error(await server.with_assertion(signed(workload(), CLIENT_KEY, {"kid": "cluster-1"}))) == REFUSED
    assert error(await server.with_assertion(signed(claims("scribe"), KUBERNETES_KEY))) == REFUSED
    assert error(await server.with_assertion(signed(claims("keyed"), KUBERNETES_KEY, {"kid": "client-key"}))) == REFUSED


@pytest.mark.requirement("RS-33")
async def test_an_unknown_kid_fetches_again_but_not_all_the_time(cluster: Cluster, server: Server) -> None:
    await server.with_assertion(signed(workload(), KUBERNETES_KEY))
    new = jwk.ECKey.generate_key("P-256", parameters={"kid": "cluster-2"})
    for _ in range(5):
        assert error(await server.with_assertion(signed(workload(), new))) == REFUSED
    assert len(cluster.asked) == 1
    cluster.keys = [new.as_dict(private=False)]
    server.world.clock.now += 11
    soon = START + 60
    assert (await server.with_assertion(signed(workload(exp=soon), new))).status_code == 200
    assert len(cluster.asked) == 2


async def test_many_workloads_at_once_cost_one_fetch(cluster: Cluster, server: Server) -> None:
    answers = await asyncio.gather(*(server.with_assertion(signed(workload(), KUBERNETES_KEY)) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(cluster.asked) == 1


SOUND = {"keys": [KUBERNETES_KEY.as_dict(private=False)]}
BAD_ANSWERS: list[Serve] = [
    lambda _: httpx2.Response(500, json=SOUND),
    lambda _: httpx2.Response(302, headers={"location": "https://evil.example/jwks"}, json=SOUND),
    lambda _: httpx2.Response(200, content=json.dumps(SOUND).encode() + b" " * 300_000),
    lambda _: httpx2.Response(200, content=b"no json"),
    lambda _: httpx2.Response(200, content=b"[" * 100_000),
    lambda _: httpx2.Response(200, json={"keys": []}),
    lambda _: httpx2.Response(200, json={"keys": [1]}),
]


@pytest.mark.parametrize("answer", BAD_ANSWERS)
async def test_an_issuer_without_keys_is_an_outage_and_not_the_clients_fault(
    cluster: Cluster, server: Server, answer: Serve
) -> None:
    cluster.answer = answer
    refused = await server.with_assertion(signed(workload(), KUBERNETES_KEY))
    assert error(refused) == (503, "temporarily_unavailable")
    cluster.answer = None
    server.world.clock.now += 11
    assert (await server.with_assertion(signed(workload(exp=START + 60), KUBERNETES_KEY))).status_code == 200


async def test_the_last_good_keys_outlive_an_outage(cluster: Cluster, server: Server) -> None:
    await server.with_assertion(signed(workload(), KUBERNETES_KEY))
    cluster.answer = BAD_ANSWERS[0]
    server.world.clock.now += 1000
    again = workload(exp=START + 1060, iat=START + 1000)
    assert (await server.with_assertion(signed(again, KUBERNETES_KEY))).status_code == 200
    assert len(cluster.asked) == 2


async def test_key_fetches_carry_the_bearer_token_of_the_file(cluster: Cluster, world: World) -> None:
    token = world.folder / "token"
    token.write_text("first\n", encoding="utf-8")
    text = world.identity.read_text(encoding="utf-8").replace(
        "    algorithms: [ES256]", f"    algorithms: [ES256]\n    token_file: {token}"
    )
    world.write_identity(text)
    async with world.server() as server:
        await server.with_assertion(signed(workload(), KUBERNETES_KEY))
        token.write_text("second\n", encoding="utf-8")
        world.clock.now += 601
        await server.with_assertion(signed(workload(exp=START + 660), KUBERNETES_KEY))
    assert [request.headers["authorization"] for request in cluster.asked] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(("replay", "second"), [("refuse", 401), ("allow", 200)])
async def test_a_workload_token_is_used_again_only_where_that_is_allowed(
    cluster: Cluster, world: World, replay: str, second: int
) -> None:
    world.write_identity(replay=replay)
    async with world.server() as server:
        token = signed(workload(), KUBERNETES_KEY)
        assert [(await server.with_assertion(token)).status_code for _ in range(2)] == [200, second]
