"""A real https server that receives webhooks, on `localhost`, for tests."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

HOST = "localhost"
NETWORKS = "127.0.0.0/8,::1/128"


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """A receiver that answers with `status` after `seconds`, from wherever `moved` says."""

    port: int
    requests: list[Received] = field(default_factory=list)
    status: int = 200
    seconds: float = 0.0
    moved: dict[str, tuple[int, str]] = field(default_factory=dict)

    def url(self, path: str = "/hook") -> str:
        return f"https://{HOST}:{self.port}{path}"

    def wait_for(self, count: int, seconds: float = 60.0) -> list[Received]:
        """The requests, once there are so many."""
        wait_until(lambda: len(self.requests) >= count, seconds)
        return list(self.requests)


class Authority:
    """Who vouches for the receiver, and the file that clients must trust."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(HOST).configure_cert(context)
        return context


@contextmanager
def receiving(authority: Authority, port: int = 0) -> Iterator[Receiver]:
    """A receiver while the block runs."""
    receiver = Receiver(port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append(Received(self.path, dict(self.headers.items()), body))
            time.sleep(receiver.seconds)
            status, location = receiver.moved.get(self.path, (receiver.status, ""))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.socket = authority.context().wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
