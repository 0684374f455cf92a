"""Client ID Metadata Documents on https, as clients want them, on a loopback address of this machine."""

import json
import ssl
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.ports import free_port

GRANTS = ("authorization_code", "refresh_token")


class Documents:
    """A site with one document a client."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.published: dict[str, Mapping[str, object]] = {}
        self.fetched: list[str] = []

    def publish(self, name: str, *redirect_uris: str, grants: Sequence[str] = GRANTS) -> str:
        """A public client's document; its URL is the client id."""
        url = f"{self.origin}/{name}.json"
        self.published[f"/{name}.json"] = {
            "client_id": url,
            "client_name": name,
            "redirect_uris": list(redirect_uris),
            "grant_types": list(grants),
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        }
        return url


@contextmanager
def serving(certificate: Path) -> Generator[Documents]:
    """Until the end of the block."""
    found = Documents(f"https://localhost:{free_port()}")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = found.published.get(self.path)
            found.fetched.append(self.path)
            body = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the library's)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(found.origin.rpartition(":")[2])), Answer)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
