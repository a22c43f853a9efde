"""Identifiers: a prefix that says the kind, then time-ordered base32."""

from __future__ import annotations

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Such as 'job_06bz3h9x2kq4v8r5n7w1c0m3ye': 48 bits of milliseconds, 80 random ones (as ULID)."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return prefix + "_" + "".join(ALPHABET[number >> 5 * i & 31] for i in reversed(range(26)))
