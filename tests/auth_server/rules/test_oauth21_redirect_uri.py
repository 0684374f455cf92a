import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.errors import InvalidRedirectUri, InvalidRequest
from auth_server.rules.oauth21_redirect_uri import check_registered, is_loopback, match

REGISTERED = ("https://client.example/cb", "http://127.0.0.1/cb?x=1", "http://[::1]:8080/cb", "http://localhost")


@pytest.mark.requirement("AS-19")
@pytest.mark.parametrize(
    "uri",
    [
        *REGISTERED,
        "http://127.0.0.1:0/cb?x=1",
        "http://127.0.0.1:65535/cb?x=1",
        "http://[::1]/cb",
        "http://localhost:1",
    ],
)
def test_a_registered_uri_or_its_loopback_with_another_port_is_proved(uri: str) -> None:
    assert match(uri, REGISTERED) == uri


@pytest.mark.requirement("AS-19")
@pytest.mark.parametrize(
    "uri",
    [
        "https://client.example/cb/",
        "https://client.example/CB",
        "https://client.example:443/cb",
        "https://client.example:8443/cb",
        "https://client.example.evil.example/cb",
        "https://client.example/cb?x",
        "https://client.example/cb#x",
        "https://client.example/%63b",
        "http://client.example/cb",
        "http://127.0.0.1:65536/cb?x=1",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:1/cb?x=1#y",
        "http://127.0.0.1:1\n/cb?x=1",
        "http://127.0.0.1:/cb?x=1",
        "http://127.0.0.1:\u0661/cb?x=1",
        "http://127.0.0.1:1@evil.example/cb?x=1",
        "http://127.1:1/cb?x=1",
        "http://localhost:1/cb?x=1",
        "http://localhost:1/",
        "http://[::2]:1/cb",
        "http://[0:0:0:0:0:0:0:1]:1/cb",
        "HTTP://localhost:1",
        "http://LOCALHOST:1",
        "http://localhost.evil.example:1",
        "",
    ],
)
def test_everything_else_is_refused(uri: str) -> None:
    with pytest.raises(InvalidRequest):
        match(uri, REGISTERED)


@pytest.mark.requirement("AS-19")
def test_it_may_be_left_out_where_there_is_one_to_choose_from() -> None:
    assert match(None, ("https://client.example/cb",)) == "https://client.example/cb"
    for several in (REGISTERED, ()):
        with pytest.raises(InvalidRequest):
            match(None, several)


@pytest.mark.requirement("AS-19")
@given(st.text())
def test_no_other_text_is_proved_by_https_alone(uri: str) -> None:
    with pytest.raises(InvalidRequest):
        match(uri, ("https://client.example/cb",))


@pytest.mark.requirement("AS-20")
@pytest.mark.parametrize(
    "uri",
    [
        "http://client.example/cb",
        "ftp://client.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp://callback",
        "https://user@client.example/cb",
        "https://*.client.example/cb",
        "https:///cb",
        "https://client.example:0/cb",
        "https://client.example:99999/cb",
        "https://client.example/cb#",
        "https://client.example/c b",
        "https://client.example/c\nb",
        "https://cliënt.example/cb",
        "HTTPS://client.example/cb",
        "https://[::1/cb",
        "//client.example/cb",
        "https://client.example/" + "x" * 2000,
        "http://127.0.0.2/cb",
        "",
    ],
)
def test_only_https_and_loopback_are_registered(uri: str) -> None:
    with pytest.raises(InvalidRedirectUri):
        check_registered(uri, native=True)


@pytest.mark.requirement("AS-20")
def test_a_loopback_uri_is_for_native_clients() -> None:
    for uri in REGISTERED:
        assert check_registered(uri, native=True) == uri
        if is_loopback(uri):
            with pytest.raises(InvalidRedirectUri, match="native"):
                check_registered(uri, native=False)
        else:
            assert check_registered(uri, native=False) == uri
