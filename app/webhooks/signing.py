"""Standard Webhooks 1.0: a receiver knows by the signature who sends, and by the id what it has seen before."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Such as 'whsec_' and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secrets: Sequence[str], id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of an attempt: `id` is the same in all of them, the time and so the signatures are not.

    There is a signature by each secret: while one is changed, a receiver may know either.
    """
    signed = f"{id}.{timestamp_s}.".encode() + body
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
