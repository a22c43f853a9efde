"""One attempt to send a webhook: to a checked address, no redirect followed, little read, and an end to waiting."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress

from app.settings import Settings
from app.webhooks.deliveries import GONE, Outcome
from app.webhooks.targets import Resolve, Target, UnsafeTarget, look_up, parse_target, safe_addresses

TIMEOUT_S = 10.0
"""For all of it: an answer that drips in byte by byte is cut off too."""
MAX_ANSWER_BYTES = 64 * 1024


def post(
    url: str, headers: dict[str, str], body: bytes, settings: Settings, *,
    resolve: Resolve = look_up, timeout_s: float = TIMEOUT_S,
) -> Outcome:  # fmt: skip
    """Send `body`. Whatever goes wrong is an outcome, not an error."""
    try:
        target = parse_target(url, settings)
        addresses = safe_addresses(target, settings, resolve)
    except UnsafeTarget:
        return Outcome(None, "unsafe")
    connection = _Pinned(target, addresses, timeout_s)
    # Timeouts of sockets count from byte to byte.
    alarm = threading.Timer(timeout_s, connection.cut)
    alarm.start()
    try:
        connection.request("POST", target.path, body, headers)
        with connection.getresponse() as response:
            if connection.is_late:
                # Headers that are cut off look like headers that have ended.
                return Outcome(None, "timeout")
            with suppress(OSError, http.client.HTTPException, ValueError):
                # A receiver may finish what it says, within limits; nothing is kept of it.
                response.read(MAX_ANSWER_BYTES)
            return _outcome(response)
    except ssl.SSLCertVerificationError:
        return Outcome(None, "untrusted")
    except (OSError, http.client.HTTPException, ValueError):
        return Outcome(None, "timeout" if connection.is_late else "unreachable")
    finally:
        alarm.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """Connects to given addresses; says the host's name in `Host`, and to TLS, which checks the certificate for it."""

    def __init__(self, target: Target, addresses: list[str], timeout_s: float) -> None:
        super().__init__(target.host, target.port)
        # `Host` has no default port.
        self.default_port = 443 if target.scheme == "https" else 80
        self._target, self._addresses = target, addresses
        self._deadline = time.monotonic() + timeout_s
        self._socket: socket.socket | None = None
        """Kept apart: `sock` is forgotten while a body without a length is still being read."""

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() >= self._deadline

    def connect(self) -> None:
        """To the first address that answers. Raises OSError."""
        self.sock = self._socket = self._first()
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            # Shaken hands with only after `cut` can reach it.
            secured = context.wrap_socket(self.sock, server_hostname=self._target.host, do_handshake_on_connect=False)
            self.sock = self._socket = secured
            secured.do_handshake()

    def cut(self) -> None:
        """End whatever is being waited for, from another thread."""
        if self._socket is not None:
            with suppress(OSError):
                # Not SSLSocket's own, which takes the state away under the reader's feet.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _first(self) -> socket.socket:
        error: OSError = OSError("there is no address")
        for address in self._addresses:
            try:
                return socket.create_connection((address, self._target.port), self._left_s())
            except OSError as failed:
                error = failed
        raise error

    def _left_s(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _outcome(response: http.client.HTTPResponse) -> Outcome:
    if 200 <= response.status < 300:
        return Outcome(response.status, None)
    asked = response.headers.get("Retry-After", "")
    later = float(asked) if asked.isascii() and asked.isdecimal() else None
    return Outcome(response.status, "gone" if response.status == GONE else "bad_status", later)
