"""Before an app ends, its sidecar is taken out of service: nobody new comes, then what is under way is finished."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from sidecar.drain import drain


@contextmanager
def _sidecar(*, ends: bool = True) -> Generator[tuple[int, list[str]]]:
    """A sidecar as far as this goes: it hears of its shutdown, answers once more, and is gone."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            heard.append(f"{self.command} {self.path} {self.headers['dapr-api-token']}")
            self.send_response(204 if len(heard) == 1 else 500)
            self.end_headers()
            if len(heard) == 2 and ends:
                threading.Thread(target=_end).start()

        do_GET = do_POST = _answer  # noqa: N815  the names are http.server's

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  likewise

    server = HTTPServer(("127.0.0.1", 0), Handler)

    def _end() -> None:
        server.shutdown()
        server.server_close()

    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, heard
    finally:
        _end()
        thread.join()


def test_it_waits_first_then_tells_the_sidecar_and_returns_when_that_is_gone() -> None:
    slept: list[float] = []
    with _sidecar() as (port, heard):
        drain({"DAPR_HTTP_PORT": str(port), "DAPR_API_TOKEN": "t"}, tell=lambda: slept.append(0), sleep=slept.append)
    assert heard[0] == "POST /v1.0/shutdown t"
    assert set(heard[1:]) == {"GET /v1.0/healthz/outbound t"}
    assert slept[:2] == [0, 55.0]


def test_a_sidecar_that_never_ends_does_not_hold_the_pod_for_ever() -> None:
    slept: list[float] = []
    with _sidecar(ends=False) as (port, _):
        drain({"DAPR_HTTP_PORT": str(port)}, tell=lambda: slept.append(0), sleep=slept.append)
    assert sum(slept[2:]) == 20.0


def test_without_a_sidecar_it_only_waits_as_long_as_it_is_told() -> None:
    slept: list[float] = []
    drain({"DACA_DRAIN_SECONDS": "3"}, tell=lambda: slept.append(0), sleep=slept.append)
    assert slept == [0, 3.0]
