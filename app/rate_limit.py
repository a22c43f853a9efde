"""Requests of a key per minute, counted in the database: the same count for every process of the API."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from sqlalchemy import case, update
from sqlalchemy.exc import IntegrityError

from app.database.models import RateWindow
from app.database.session import Sessions, transaction
from app.problems import Problem

WINDOW_S = 60


@dataclass(frozen=True)
class Rate:
    """Where a key stands in its window."""

    limit: int
    used: int
    resets_in_s: int

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them."""
        left = max(0, self.limit - self.used)
        return {
            "RateLimit-Policy": f'"requests";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"requests";r={left};t={self.resets_in_s}',
        }

    def check(self) -> None:
        """429 when this request is beyond the limit."""
        if self.used > self.limit:
            raise Problem(
                "rate_limited", f"A key may make {self.limit} requests in {WINDOW_S} s.",
                hint=f"Try again in {self.resets_in_s} s.", headers={"Retry-After": str(self.resets_in_s)},
            )  # fmt: skip


def take(sessions: Sessions, subject: str, limit: int) -> Rate:
    """Count one request of a key."""
    at = time.time()
    number = int(at // WINDOW_S)
    return Rate(limit, _count(sessions, subject, number), max(1, math.ceil((number + 1) * WINDOW_S - at)))


def _count(sessions: Sessions, subject: str, number: int) -> int:
    # A process whose clock is a little behind counts in the newer window.
    is_same = RateWindow.number >= number
    with transaction(sessions) as session:
        used = session.scalar(
            update(RateWindow)
            .where(RateWindow.subject == subject)
            .values(
                used=case((is_same, RateWindow.used + 1), else_=1),
                number=case((is_same, RateWindow.number), else_=number),
            )
            .returning(RateWindow.used)
        )
    if used is not None:
        return int(used)
    try:
        with transaction(sessions) as session:
            session.add(RateWindow(subject=subject, number=number, used=1))
        return 1
    except IntegrityError:
        # Another process was first.
        return _count(sessions, subject, number)
