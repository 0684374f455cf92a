import pytest

from auth_server.proxies import networks, sender


@pytest.mark.requirement("AS-41")
@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "found"),
    [
        ("198.51.100.1", ["203.0.113.9"], [], "198.51.100.1"),
        ("198.51.100.1", ["203.0.113.9"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9"], ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9, 10.0.0.2"], ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", [], ["10.0.0.0/8"], "10.0.0.1"),
        ("fd00::1", ["2001:db8::9"], ["fd00::/8"], "2001:db8::9"),
        ("", ["203.0.113.9"], ["10.0.0.0/8"], ""),
    ],
)
def test_a_forwarded_address_counts_only_from_a_proxy_of_the_operators(
    peer: str, forwarded: list[str], proxies: list[str], found: str
) -> None:
    assert sender(peer, forwarded, networks(proxies)) == found
