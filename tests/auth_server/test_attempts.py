import pytest

from auth_server.attempts import FOR_ALL_NAMES, FOR_ONE_NAME, WINDOW, Attempts, network
from tests.auth_server.world import Clock

HERE, ELSEWHERE = "network 192.0.2.1", "network 192.0.2.2"


@pytest.mark.requirement("AS-41")
def test_one_source_waits_for_one_name_and_nobody_else_does() -> None:
    attempts = Attempts(clock := Clock())
    for _ in range(FOR_ONE_NAME):
        assert attempts.wait(HERE, "grace") == 0
        attempts.wrong(HERE, "grace")
    assert attempts.wait(HERE, "grace") == WINDOW
    assert attempts.wait(HERE, "alan") == 0
    assert attempts.wait(ELSEWHERE, "grace") == 0
    clock.now += WINDOW
    assert attempts.wait(HERE, "grace") == 0


@pytest.mark.requirement("AS-41")
def test_one_source_cannot_try_all_names() -> None:
    attempts = Attempts(Clock())
    for number in range(FOR_ALL_NAMES):
        assert attempts.wait(HERE, f"name {number}") == 0
        attempts.wrong(HERE, f"name {number}")
    assert attempts.wait(HERE, "another") > 0
    assert attempts.wait(ELSEWHERE, "another") == 0


def test_the_memory_of_many_sources_is_bounded() -> None:
    attempts = Attempts(Clock())
    for number in range(11_000):
        attempts.wrong(f"network {number}", "grace")
    assert len(attempts._wrong) == 20_000


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_speaks_for_its_network(peer: str, seen: str) -> None:
    assert network(peer) == seen
