"""Where a webhook may go: URLs that clients choose must not reach into the network that the service stands in.

The host is looked up once, every address of the answer is checked, and the connection is made to one of those
addresses: a name that leads elsewhere a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from app.settings import Settings

MAX_URL = 2048
PORTS = {"https": (443, 8443), "http": (80, 8080)}
DEFAULT_PORT = {"https": 443, "http": 80}
URL = re.compile(r"[\x21-\x7e]+")
NAME = re.compile(r"(?!.{254})([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""Its last label begins with a letter: 127.1, 0x7f.0.0.1 and 2130706433 are names of nothing but loopback."""

V6_UNICAST = IPv6Network("2000::/3")
"""Outside lie loopback, link-local, unique local, site-local, multicast, IPv4-mapped, IPv4-compatible and NAT64."""
REFUSED = tuple(
    ip_network(block)
    # Special, though some versions of Python call parts of it global: protocol assignments with Teredo and ORCHID,
    # documentation, 6to4 and its relays, AMT and AS112.
    for block in (
        "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip

Resolve = Callable[[str, int], list[str]]


class UnsafeTarget(ValueError):
    """A URL that nothing is sent to; its text says why, and tells nothing of the network."""


@dataclass(frozen=True)
class Target:
    """A URL in parts; `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str


def parse_target(url: str, settings: Settings) -> Target:
    """Take a URL apart, strictly: what two parsers might read differently is refused.

    Raises:
        UnsafeTarget
    """
    if len(url) > MAX_URL or not URL.fullmatch(url) or "\\" in url:
        raise UnsafeTarget(f"A webhook's URL is at most {MAX_URL} printable ASCII characters; names are in punycode.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnsafeTarget("The webhook's URL cannot be read.") from error
    schemes = ("https", "http") if settings.webhook_allow_http else ("https",)
    if parts.scheme not in schemes:
        raise UnsafeTarget(f"A webhook's URL begins with {' or '.join(f'{s}://' for s in schemes)}.")
    if "@" in parts.netloc:
        raise UnsafeTarget("A webhook's URL has no user and no password.")
    if parts.fragment or "#" in url:
        raise UnsafeTarget("A webhook's URL has no fragment.")
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    is_read_whole = parts.netloc.lower() in (name, f"{name}:{port}")
    if not is_read_whole or (_address(host) is None and not NAME.fullmatch(host)):
        raise UnsafeTarget("A webhook's URL names a host, or an address in its usual form.")
    port = DEFAULT_PORT[parts.scheme] if port is None else port
    if port not in PORTS[parts.scheme] and not (settings.webhook_allow_private and port):
        raise UnsafeTarget(f"Webhooks go to the ports {' and '.join(map(str, PORTS[parts.scheme]))}.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def look_up(host: str, port: int) -> list[str]:
    """The host's addresses, as this machine finds them; none when it finds none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def safe_addresses(target: Target, settings: Settings, resolve: Resolve = look_up) -> list[str]:
    """Look the host up, once; all of what it leads to must be public. Connect to these and to nothing else.

    Raises:
        UnsafeTarget: one of them is not public, or there is none; which of the two is not told.
    """
    found = resolve(target.host, target.port)
    if not found or not (settings.webhook_allow_private or all(map(is_public, found))):
        raise UnsafeTarget("The webhook's host does not lead to a public address.")
    return found


def is_public(text: str) -> bool:
    """Whether an address belongs to the open internet."""
    address = _address(text)
    if address is None or any(address in block for block in REFUSED if block.version == address.version):
        return False
    if isinstance(address, IPv6Address) and address not in V6_UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """None when it is none; an IPv6 address with a zone is none either."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None
