"""Which app brought a request: believed from one's own sidecar alone."""

import pytest

from sidecar.callers import Callers

TOKEN = (b"dapr-api-token", b"sesame")
APP = (b"dapr-caller-app-id", b"researcher")
SPACE = (b"dapr-caller-namespace", b"daca")


def test_the_sidecar_tells_the_caller_and_its_namespace() -> None:
    headers = [(b"host", b"localhost:9000"), TOKEN, APP, SPACE]
    assert Callers("sesame").of(headers) == "researcher.daca"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [APP, SPACE],
        [(b"dapr-api-token", b""), APP, SPACE],
        [(b"dapr-api-token", b"sesamf"), APP, SPACE],
        [TOKEN, APP],
        [TOKEN, SPACE],
        [TOKEN, TOKEN, APP, SPACE],
        [TOKEN, APP, (b"dapr-caller-app-id", b"notes"), SPACE],
        [TOKEN, APP, SPACE, SPACE],
    ],
)
def test_whoever_comes_another_way_or_says_two_things_is_nobody(headers: list[tuple[bytes, bytes]]) -> None:
    assert Callers("sesame").of(headers) is None


def test_without_a_token_of_its_own_an_app_believes_nobody() -> None:
    assert Callers().of([(b"dapr-api-token", b""), APP, SPACE]) is None
