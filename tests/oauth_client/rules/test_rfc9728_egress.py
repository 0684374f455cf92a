from ipaddress import ip_address

import pytest

from oauth_client.errors import AddressRefused
from oauth_client.rules.rfc9728_egress import Place, check_url, is_loopback_host, place_of


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("93.184.216.34", "public"),
        ("2606:4700::1111", "public"),
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("fec0::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::a00:1", "private"),
        ("169.254.169.254", "never"),
        ("fe80::1", "never"),
        ("::ffff:169.254.169.254", "never"),
        ("0.0.0.0", "never"),
        ("::", "never"),
        ("224.0.0.1", "never"),
        ("255.255.255.255", "never"),
    ],
)
def test_where_an_address_is(address: str, place: Place) -> None:
    assert place_of(ip_address(address)) == place


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize(
    "url", ["https://h", "https://h.example:8443/a/b?c=d", "https://93.184.216.34/", "https://[2606:4700::1111]/"]
)
def test_https_to_a_public_place_is_fetched(url: str) -> None:
    assert check_url(url, loopback=False, private=False) == url


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://localhost.:1/",
        "http://a.LOCALHOST/",
        "http://127.0.0.1:9000/x",
        "http://[::1]/",
        "https://localhost/",
    ],
)
def test_loopback_is_fetched_only_where_it_is_allowed(url: str) -> None:
    assert check_url(url, loopback=True, private=False) == url
    with pytest.raises(AddressRefused, match="on this machine"):
        check_url(url, loopback=False, private=True)


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://[fd00::1]/"])
def test_a_private_place_is_fetched_only_where_it_is_allowed(url: str) -> None:
    assert check_url(url, loopback=False, private=True) == url
    with pytest.raises(AddressRefused, match="private"):
        check_url(url, loopback=True, private=False)


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize(
    "url",
    [
        "http://h/",
        "http://10.0.0.1/",
        "https://169.254.169.254/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://017700000001/",
        "https://h/#f",
        "https://u@h/",
        "https://h\\@x/",
        "https://h/\r\nX: y",
        "https://h\x00/",
        "https://ⓛocalhost/",
        "https:///x",
        "https://[::1",
        "gopher://h/",
        "",
    ],
)
def test_nothing_else_is_ever_fetched(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, loopback=True, private=True)


def test_a_name_that_merely_begins_like_loopback_is_not_loopback() -> None:
    assert not is_loopback_host("localhost.example")
    assert not is_loopback_host("127.0.0.1.example")
