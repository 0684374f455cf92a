import pytest

from oauth_client.errors import MethodNotOffered
from oauth_client.models import ServerMetadata
from oauth_client.rules.rfc6749_client_auth import BASIC, POST, basic_header, choose_method


def _server(*methods: str) -> ServerMetadata:
    return ServerMetadata(issuer="https://as", token_endpoint="https://as/token", auth_methods=methods)


def test_id_and_secret_are_form_encoded_before_base64() -> None:
    assert basic_header("a:b c", "p%ü/+") == "Basic YSUzQWIrYzpwJTI1JUMzJUJDJTJGJTJC"


@pytest.mark.requirement("CL-07")
@pytest.mark.parametrize(
    ("listed", "able", "chosen"),
    [
        ((BASIC, POST), (BASIC, POST), BASIC),
        ((POST, BASIC), (BASIC, POST), BASIC),
        (("none", POST), (BASIC, POST), POST),
        ((), (BASIC, POST), BASIC),
        ((), (POST,), POST),
        ((), ("private_key_jwt",), "private_key_jwt"),
    ],
)
def test_the_method_is_one_that_the_server_lists(listed: tuple[str, ...], able: tuple[str, ...], chosen: str) -> None:
    assert choose_method(_server(*listed), able) == chosen


@pytest.mark.requirement("CL-07")
def test_a_method_that_is_not_listed_is_not_tried() -> None:
    with pytest.raises(MethodNotOffered, match="takes none, private_key_jwt; this client can do client_secret_basic"):
        choose_method(_server("none", "private_key_jwt"), (BASIC,))
