from dataclasses import replace

import pytest

from auth_server.key_ring import KEEP, LEAD, current, first, published, role, rotate
from auth_server.models import KeyRecord, Ring

NOW = 1_000_000


def _key(kid: str, published: int = NOW) -> KeyRecord:
    return KeyRecord(kid=kid, alg="ES256", published=published, active_from=None, sealed="")


def _kids(ring: Ring, now: int) -> list[str]:
    return [key.kid for key in published(ring, now)]


RING = first([_key("a")], [_key("b")], NOW)


@pytest.mark.requirement("AS-43")
def test_the_first_key_signs_at_once_and_the_next_is_published_already() -> None:
    assert current(RING, "ES256", NOW).kid == "a"
    assert [role(RING, key, NOW) for key in RING.keys] == ["current", "next"]
    assert _kids(RING, NOW) == ["a", "b"]


@pytest.mark.requirement("AS-43")
def test_a_key_signs_only_after_everyone_could_see_it() -> None:
    soon = rotate(RING, [_key("c", NOW + 60)], NOW + 60)
    assert current(soon, "ES256", NOW + LEAD - 1).kid == "a"
    assert current(soon, "ES256", NOW + LEAD).kid == "b"
    late = rotate(RING, [_key("c", NOW + 9999)], NOW + 9999)
    assert current(late, "ES256", NOW + 9999).kid == "b"


@pytest.mark.requirement("AS-43")
def test_a_retired_key_is_published_until_its_last_token_has_expired() -> None:
    ring = rotate(RING, [_key("c", NOW + 1000)], NOW + 1000)
    assert role(ring, ring.keys[0], NOW + 1000) == "retired"
    assert _kids(ring, NOW + 1000 + KEEP - 1) == ["a", "b", "c"]
    assert _kids(ring, NOW + 1000 + KEEP) == ["b", "c"]
    assert [key.kid for key in rotate(ring, [], NOW + 1000 + KEEP).keys] == ["b", "c"]


def test_rotating_twice_in_a_row_leaves_no_moment_without_a_known_key() -> None:
    twice = rotate(rotate(RING, [_key("c", NOW + 10)], NOW + 10), [_key("d", NOW + 20)], NOW + 20)
    for moment in range(NOW, NOW + 3 * LEAD, 50):
        signer = current(twice, "ES256", moment)
        assert signer.published + LEAD <= moment or signer.kid == "a"
        assert signer.kid in _kids(twice, moment)
    assert current(twice, "ES256", NOW + 3 * LEAD).kid == "c"


def test_a_ring_without_an_active_key_signs_nothing() -> None:
    with pytest.raises(LookupError):
        current(Ring(keys=(_key("a"), replace(_key("b"), active_from=NOW + 1))), "ES256", NOW)
