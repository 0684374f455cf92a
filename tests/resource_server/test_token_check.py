from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from resource_server import Door
from resource_server.key_set import VerifyingKey
from resource_server.rules.rfc7515_jws import take_apart
from tests.battery.world import b64
from tests.resource_server.conftest import House

Build = Callable[..., House]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every signature that is verified, while it is."""
    seen: list[bytes] = []
    real = VerifyingKey.verifies

    def counting(self: VerifyingKey, signing_input: bytes, signature: bytes) -> bool:
        seen.append(signature)
        return real(self, signing_input, signature)

    monkeypatch.setattr(VerifyingKey, "verifies", counting)
    return seen


async def test_a_token_s_signature_is_verified_once(house: Build, verified: list[bytes]) -> None:
    home = house()
    token = home.world.token()
    for _ in range(5):
        assert (await home.knock(token)).status == 200

    assert verified == [take_apart(token).signature]


@pytest.mark.requirement("RS-09", "RS-12")
async def test_a_remembered_token_is_refused_on_the_second_it_ends(house: Build) -> None:
    home = house(leeway=0)
    token = home.world.token()
    assert (await home.knock(token)).status == 200
    home.clock.now += 299
    assert (await home.knock(token)).status == 200
    home.clock.now += 1

    answer = await home.knock(token)
    assert answer.status == 401
    assert "the access token has expired" in (answer.header("www-authenticate") or "")


@pytest.mark.requirement("RS-09")
async def test_a_remembered_token_does_not_vouch_for_one_that_differs_in_a_letter(house: Build) -> None:
    home = house()
    token = home.world.token()
    assert (await home.knock(token)).status == 200

    assert (await home.knock(token[:-2] + bytes([token[-2] ^ 1]) + token[-1:])).status == 401


async def test_a_refused_token_is_not_remembered_as_good(house: Build) -> None:
    home = house()
    token = home.world.token(claims=home.world.claims(aud=home.world.other_resource))
    assert [(await home.knock(token)).status for _ in range(3)] == [401, 401, 401]


@pytest.mark.requirement("ALL-01")
async def test_what_is_remembered_is_bounded_and_holds_hashes(house: Build, verified: list[bytes]) -> None:
    home = house(cache_size=3)
    tokens = [home.world.token(claims=home.world.claims(jti=str(n))) for n in range(4)]
    for token in tokens:
        await home.knock(token)
    await home.knock(tokens[3])
    assert len(verified) == 4
    await home.knock(tokens[0])

    assert len(verified) == 5
    remembered = home.door.trust._check._seen
    assert len(remembered) == 3
    assert {len(key) for key in remembered} == {32}


@pytest.mark.requirement("RS-12")
async def test_the_claims_of_a_bad_signature_are_never_judged(house: Build) -> None:
    home = house()
    header, _, signature = home.world.token().split(b".")
    expired = b64(b'{"exp": 0}')

    answer = await home.knock(b".".join((header, expired, signature)))
    assert "signature is not valid" in (answer.header("www-authenticate") or "")


async def test_an_issuer_that_signs_with_eddsa_is_understood(house: Build) -> None:
    home = house()
    key = ed25519.Ed25519PrivateKey.generate()
    x = b64(key.public_key().public_bytes_raw()).decode()
    home.issuer.jwks = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "e"}]}
    for alg, status in (("EdDSA", 200), ("Ed25519", 200), ("ES256", 401)):
        token = home.world.signed(home.world.header(alg=alg, kid="e"), None, key.sign)
        assert (await home.knock(token)).status == status


async def test_an_issuer_that_does_not_follow_rfc_9068_is_taken_by_explicit_settings(house: Build) -> None:
    home = house(token_types=("JWT",), scope_claims=("scp",), client_claims=("client_id", "azp"))
    claims = home.world.claims(scope=..., scp=["mcp:read"], client_id=..., azp="app-1")

    assert (await home.knock(home.world.token(home.world.header(typ="JWT"), claims))).status == 200
    caller = home.app.callers[0]
    assert caller is not None
    assert caller.client_id == "app-1"
    assert (await home.knock()).status == 401


@pytest.mark.requirement("RS-12")
async def test_a_narrower_choice_of_algorithms_holds(house: Build) -> None:
    assert (await house(algorithms=("EdDSA",)).knock()).status in {401, 503}
    assert (await house(algorithms=("ES256",)).knock()).status == 200


@pytest.mark.requirement("RS-10", "RS-11")
async def test_a_token_for_one_resource_is_worthless_at_the_other_and_the_reverse(house: Build) -> None:
    home = house()
    clock = Door(
        home.app,
        resource=home.world.other_resource,
        issuer=home.world.issuer,
        http=home.issuer.http(),
        clock=home.clock,
        mcp_path="/mcp",
    )
    for_notes, for_clock = home.world.token(), home.world.token(claims=home.world.claims(aud=home.world.other_resource))
    assert [(await home.knock(token)).status for token in (for_notes, for_clock)] == [200, 401]
    home.door = clock
    assert [(await home.knock(token)).status for token in (for_notes, for_clock)] == [401, 200]
