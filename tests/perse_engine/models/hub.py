"""A model hub on loopback that speaks as much of the protocol as huggingface_hub needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Files of one repository; `broken` names one that is answered with an error."""

    files: Mapping[str, bytes]
    url: str = ""
    broken: str | None = None
    sent: list[str] = field(default_factory=list)


@contextmanager
def running_hub(files: Mapping[str, bytes]) -> Iterator[Hub]:
    """The hub while the block runs."""
    hub = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return

        def _answer(self, body: bytes, status: int = 200, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if "/revision/" in path:
                self._answer(json.dumps({"id": "any/model", "sha": COMMIT, "siblings": []}).encode())
            elif "/tree/" in path:
                rows = [
                    {"type": "file", "path": p, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                    for p, d in hub.files.items()
                ]
                self._answer(json.dumps(rows).encode())
            else:
                file = path.split(f"/resolve/{COMMIT}/")[1]
                if file == hub.broken:
                    self._answer(b"", 404)
                    return
                data = hub.files[file]
                if self.command == "GET":
                    hub.sent.append(file)
                self._answer(data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', X_Repo_Commit=COMMIT)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
