import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from resource_server import Door
from resource_server.errors import KeySourceError
from resource_server.key_set import read_key_set
from resource_server.rules.rfc7515_jws import ASYMMETRIC
from tests.battery.world import Signer, World, b64
from tests.resource_server.conftest import App, Clock, House, Issuer

Build = Callable[..., House]


def _signer(kid: str) -> Signer:
    return Signer(key=ec.generate_private_key(ec.SECP256R1()), kid=kid)


def _by(world: World, signer: Signer, **claims: Any) -> bytes:
    return world.signed(world.header(alg=signer.alg, kid=signer.kid), world.claims(**claims), signer.sign)


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.requirement("RS-33")
async def test_keys_are_fetched_once_for_many_requests(house: Build) -> None:
    home = house()
    answers = await asyncio.gather(
        *(home.knock(home.world.token(claims=home.world.claims(jti=str(n)))) for n in range(20))
    )

    assert {answer.status for answer in answers} == {200}
    assert home.issuer.fetched == ["/.well-known/oauth-authorization-server", "/jwks.json"]


async def test_while_no_key_is_known_nothing_passes_and_the_client_hears_when_to_come_back(house: Build) -> None:
    home = house()
    home.issuer.away = True
    answer = await home.knock()

    assert (answer.status, answer.header("retry-after"), home.app.reached) == (503, "1", [])
    assert (await home.knock(b"not.a.token")).status == 401
    home.issuer.away = False
    assert (await home.knock()).status == 503
    home.clock.now += 1
    assert (await home.knock()).status == 200


async def test_a_request_just_before_the_issuer_is_there_waits_for_one_more_attempt(house: Build) -> None:
    home = house()
    home.issuer.away = True
    asking = asyncio.create_task(home.knock())
    await _settled()
    assert not asking.done()
    home.issuer.away = False
    home.clock.now += 1

    assert (await asking).status == 200


async def test_a_request_without_a_token_needs_no_keys(house: Build) -> None:
    home = house()
    home.issuer.away = True

    assert (await home.knock(b"")).status == 401
    assert home.issuer.fetched == []


@pytest.mark.requirement("RS-33")
async def test_an_unknown_kid_leads_to_a_fetch_at_most_once_an_interval(house: Build) -> None:
    home = house(refetch_interval=10)
    await home.knock()
    for n in range(10):
        assert (await home.knock(_by(home.world, _signer(f"strange-{n}")))).status == 401
    assert home.issuer.key_fetches == 2

    home.clock.now += 10
    await home.knock(_by(home.world, _signer("stranger")))
    assert home.issuer.key_fetches == 3


@pytest.mark.requirement("RS-33")
async def test_a_key_published_after_the_last_fetch_is_found(house: Build) -> None:
    home = house()
    await home.knock()
    new = _signer("key-2")
    home.issuer.publish(home.world.signer, new)

    assert (await home.knock(_by(home.world, new))).status == 200
    assert home.issuer.key_fetches == 2


@pytest.mark.requirement("RS-33")
async def test_a_stranger_s_key_under_a_known_kid_leads_to_no_fetch_and_no_entry(house: Build) -> None:
    home = house()
    await home.knock()

    assert (await home.knock(_by(home.world, _signer(home.world.signer.kid)))).status == 401
    assert home.issuer.key_fetches == 1


@pytest.mark.requirement("RS-33")
async def test_a_known_kid_under_another_algorithm_leads_to_no_fetch(house: Build) -> None:
    home = house()
    await home.knock()

    assert (await home.knock(home.world.token(home.world.header(alg="ES384")))).status == 401
    assert home.issuer.key_fetches == 1


async def test_many_strangers_at_once_share_one_fetch(house: Build) -> None:
    home = house()
    await home.knock()
    answers = await asyncio.gather(*(home.knock(_by(home.world, _signer(f"s{n}"))) for n in range(20)))

    assert {answer.status for answer in answers} == {401}
    assert home.issuer.key_fetches == 2


async def test_the_last_good_keys_serve_on_while_the_issuer_is_away(house: Build) -> None:
    home = house(keys_ttl=100)
    await home.knock()
    home.issuer.away = True
    for seconds in (50, 60, 3600):
        home.clock.now += seconds
        token = home.world.token(claims=home.world.claims(exp=int(home.clock.now) + 60))
        assert (await home.knock(token)).status == 200


async def test_keys_are_refreshed_behind_the_request_that_finds_them_old(house: Build) -> None:
    home = house(keys_ttl=100)
    await home.knock()
    home.clock.now += 100
    answered: list[int] = []

    def note(_: httpx2.Request) -> None:
        answered.append(len(home.app.reached))

    home.issuer.answer = note
    assert (await home.knock(home.world.token(claims=home.world.claims(jti="2")))).status == 200
    await _settled()
    assert home.issuer.key_fetches == 2


async def test_a_withdrawn_key_opens_no_door_after_the_next_fetch_not_even_for_a_token_seen_before(
    house: Build,
) -> None:
    home = house(keys_ttl=100)
    token = home.world.token()
    assert (await home.knock(token)).status == 200
    home.issuer.publish(_signer("key-2"))
    home.clock.now += 100
    await home.knock(home.world.token(claims=home.world.claims(jti="2")))
    await _settled()

    assert (await home.knock(token)).status == 401


async def test_a_slow_issuer_is_not_waited_for_long(house: Build) -> None:
    home = house(key_wait=0.05)
    silent = asyncio.Event()

    async def silence(_: httpx2.Request) -> httpx2.Response:
        await silent.wait()
        return httpx2.Response(500)

    slow = httpx2.AsyncClient(transport=httpx2.MockTransport(silence))
    door = Door(home.app, resource=home.world.resource, issuer=home.world.issuer, http=slow, key_wait=0.05)
    home.door = door
    async with asyncio.timeout(30):
        assert (await home.knock()).status == 503
    await door.aclose()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx2.Response(302, headers={"location": "https://evil.example/jwks.json"}), "answered 302"),
        (httpx2.Response(200, text="<html>"), "did not answer with sound JSON"),
        (httpx2.Response(200, text="[]"), "did not answer with a JSON object"),
        (httpx2.Response(200, content=b'{"keys":[' + b" " * 300_000 + b"]}"), "larger than"),
        (httpx2.Response(200, json={"keys": []}), "holds no key"),
        (httpx2.Response(200, json={"keys": "x"}), "no JWK Set"),
        (httpx2.Response(200, content=b"{}", headers={"content-encoding": "identity2"}), "compressed"),
    ],
)
@pytest.mark.requirement("RS-33")
async def test_a_key_set_that_is_none_is_refused_and_the_log_says_why(
    answer: httpx2.Response, reason: str, house: Build, caplog: pytest.LogCaptureFixture
) -> None:
    home = house()
    home.issuer.answer = lambda request: answer if request.url.path == "/jwks.json" else None

    assert (await home.knock()).status == 503
    assert reason in caplog.text
    assert all("evil" not in path for path in home.issuer.fetched)


@pytest.mark.requirement("RS-33")
async def test_metadata_of_another_issuer_brings_no_keys(house: Build, caplog: pytest.LogCaptureFixture) -> None:
    home = house()
    home.issuer.metadata["issuer"] += "/"

    assert (await home.knock()).status == 503
    assert home.issuer.key_fetches == 0
    assert "differ only in the trailing slash" in caplog.text


@pytest.mark.requirement("RS-33")
async def test_a_plain_http_key_source_beyond_loopback_is_not_asked(house: Build) -> None:
    home = house()
    home.issuer.metadata["jwks_uri"] = "http://as.example/jwks.json"

    assert (await home.knock()).status == 503
    assert home.issuer.key_fetches == 0


async def test_openid_metadata_serves_where_there_is_no_other(house: Build) -> None:
    home = house()

    def openid_only(request: httpx2.Request) -> httpx2.Response | None:
        if request.url.path == "/.well-known/openid-configuration":
            return httpx2.Response(200, json=home.issuer.metadata)
        return None if request.url.path == "/jwks.json" else httpx2.Response(404)

    home.issuer.answer = openid_only
    assert (await home.knock()).status == 200


async def test_a_configured_key_set_needs_no_metadata(house: Build) -> None:
    home = house(jwks_uri="http://localhost:9000/jwks.json")

    assert (await home.knock()).status == 200
    assert home.issuer.fetched == ["/jwks.json"]


async def test_whatever_the_http_client_raises_is_no_fault_of_the_request(house: Build) -> None:
    home = house()

    def broken(_: httpx2.Request) -> httpx2.Response:
        raise ZeroDivisionError

    home.issuer.answer = broken
    assert (await home.knock()).status == 503


async def _lifespan(door: Door, *, during: Callable[[], Any]) -> list[str]:
    said: list[str] = []
    phases = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        phase = next(phases)
        if phase == "lifespan.shutdown":
            await _settled()
            await asyncio.sleep(0.01)
            during()
        return {"type": phase}

    async def send(message: Any) -> None:
        said.append(message["type"])

    await door({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return said


async def test_keys_are_fetched_at_startup_before_anyone_asks(house: Build) -> None:
    home = house()
    fetched: list[int] = []
    said = await _lifespan(home.door, during=lambda: fetched.append(home.issuer.key_fetches))

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert fetched == [1]


async def test_an_issuer_that_is_away_at_startup_fails_nothing(house: Build) -> None:
    home = house()
    home.issuer.away = True

    assert await _lifespan(home.door, during=lambda: None) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_nothing_runs_on_after_shutdown(house: Build) -> None:
    home = house()
    before = asyncio.all_tasks()
    await _lifespan(home.door, during=lambda: None)

    assert asyncio.all_tasks() == before


async def test_the_door_closes_its_own_http_client_and_no_other(
    house: Build, app: App, issuer: Issuer, clock: Clock
) -> None:
    lent = issuer.http()
    door = Door(app, resource="http://localhost:8000/mcp", issuer="http://localhost:9000", http=lent, clock=clock)
    await _lifespan(door, during=lambda: None)
    assert not lent.is_closed

    alone = Door(app, resource="http://localhost:8000/mcp", issuer="http://127.0.0.1:9")
    own: list[httpx2.AsyncClient | None] = []
    await _lifespan(alone, during=lambda: own.append(alone.trust._own_http))
    assert [client is not None and client.is_closed for client in own] == [True]


def _jwk(**changes: object) -> dict[str, object]:
    return {**_signer("k").jwk(), **changes}


def _private_jwk() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    d = b64(key.private_numbers().private_value.to_bytes(32, "big")).decode()
    return {**Signer(key=key, kid="private").jwk(), "d": d}


def _rsa(bits: int) -> dict[str, str]:
    return Signer(key=rsa.generate_private_key(public_exponent=65537, key_size=bits), kid="r").jwk()


@pytest.mark.requirement("RS-33")
@pytest.mark.parametrize(
    "jwk",
    [
        _jwk(use="enc"),
        _jwk(key_ops=["sign"]),
        _jwk(key_ops="verify"),
        _private_jwk(),
        _jwk(kty="oct", k="c2VjcmV0"),
        _jwk(kty=["EC"]),
        _jwk(crv="P-384"),
        _jwk(crv="secp256k1", alg="ES256K"),
        _jwk(alg="HS256"),
        _jwk(alg="ES384"),
        _jwk(kid=1),
        _jwk(x="AAAA"),
        _jwk(y=5),
        _rsa(1024),
        "key",
    ],
)
def test_a_key_that_is_not_for_this_is_left_out(jwk: object) -> None:
    good = _signer("good").jwk()
    assert list(read_key_set({"keys": [jwk, good]}, ASYMMETRIC)) == [("good", "ES256")]
    with pytest.raises(KeySourceError):
        read_key_set({"keys": [jwk]}, ASYMMETRIC)


def test_two_keys_of_one_name_are_both_left_out() -> None:
    keys = [_signer("twin").jwk(), _signer("twin").jwk(), _signer("good").jwk()]
    assert list(read_key_set({"keys": keys}, ASYMMETRIC)) == [("good", "ES256")]


def test_a_key_serves_the_algorithms_that_fit_it_and_are_accepted() -> None:
    key = _rsa(2048)
    del key["alg"]
    assert set(read_key_set({"keys": [key]}, {"RS256", "PS256", "ES256"})) == {("r", "RS256"), ("r", "PS256")}


def test_a_key_set_is_bounded() -> None:
    key = _signer("k").jwk()
    assert len(read_key_set({"keys": [{**key, "kid": str(n)} for n in range(100)]}, ASYMMETRIC)) == 100
    with pytest.raises(KeySourceError):
        read_key_set({"keys": [{**key, "kid": str(n)} for n in range(101)]}, ASYMMETRIC)


async def test_an_issuer_with_one_unnamed_key_is_served_by_tokens_without_kid(house: Build) -> None:
    home = house()
    jwk: dict[str, str] = home.world.signer.jwk()
    del jwk["kid"]
    home.issuer.jwks = json.loads(json.dumps({"keys": [jwk]}))

    assert (await home.knock(home.world.token(header=home.world.header(kid=...)))).status == 200
    assert (await home.knock()).status == 401
