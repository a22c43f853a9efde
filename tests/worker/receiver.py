"""A webhook receiver behind a real socket, polite or hostile; it remembers what it got."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[BaseHTTPRequestHandler, int], None]
"""Answers a request, whose number is given, from 1."""


@dataclass
class Receiver:
    """Its port, what it got, and how it answers; `leaving` is set at its end."""

    answer: Answer
    port: int = 0
    got: list[Got] = field(default_factory=list)
    leaving: threading.Event = field(default_factory=threading.Event)


def says(status: int, **headers: str) -> Answer:
    """A receiver that always answers so."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


@contextmanager
def receiving(answer: Answer, certificate: Path | None = None) -> Iterator[Receiver]:
    """On loopback; over TLS with a certificate and its key in one file."""
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            # Whoever hears enough, or waits no longer, hangs up.
            with suppress(OSError):
                receiver.answer(self, len(receiver.got))

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.leaving.set()
        server.shutdown()
        thread.join(60)
        server.server_close()
