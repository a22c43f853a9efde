"""Requests with retries: what may be sent again is sent again, POSTs under one Idempotency-Key."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from app.client.errors import ApiError, Unreachable, of_status

MAX_DELAY_S = 60.0
"""Who is told to come back later than this is told so, and not kept waiting."""
FINAL_CODES = ("backend_missing", "quota_exceeded")
"""503 and 429, but no short wait mends it."""


@dataclass(frozen=True)
class Retries:
    """How often, and how long between: `backoff_s` doubles each time, unless the service says Retry-After."""

    count: int = 4
    backoff_s: float = 0.5

    def delay_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Before attempt `attempt` + 1; jitter keeps clients that failed together apart."""
        own = self.backoff_s * 2**attempt * random.uniform(0.5, 1.0)
        return min(MAX_DELAY_S, own) if retry_after_s is None else retry_after_s


class Api:
    """The service under one address."""

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self.http, self.retries = http, retries

    def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any) -> Any:
        """The answer of a request, successful or 304. Raises ApiError, Unreachable."""
        own = dict(headers or {})
        if method in ("POST", "DELETE"):
            own.setdefault("Idempotency-Key", uuid.uuid4().hex)
        for attempt in range(self.retries.count + 1):
            is_last = attempt == self.retries.count
            retry_after_s = None
            try:
                response = self.http.request(method, path, headers=own, **content)
            except httpx.TransportError as error:
                if is_last:
                    raise _unreachable(error) from error
            else:
                # A deletion whose answer was lost has been done.
                if response.status_code < 400 or (method == "DELETE" and attempt and response.status_code == 404):
                    return response
                problem = problem_of(response)
                retry_after_s = problem.retry_after_s
                if is_last or not _may_pass(problem):
                    raise problem
            time.sleep(self.retries.delay_s(attempt, retry_after_s))
        raise AssertionError("the last attempt returns or raises")

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON at a path."""
        body: dict[str, Any] = self.call("GET", path, params=parameters).json()
        return body

    def listed(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **cursor)
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], read_timeout_s: float) -> Iterator[httpx.Response]:
        """A response whose body is still to come; one attempt. Raises ApiError, httpx.TransportError."""
        timeout = httpx.Timeout(self.http.timeout.connect, read=read_timeout_s)
        with self.http.stream("GET", path, headers=headers, timeout=timeout, follow_redirects=True) as response:
            if response.status_code >= 400:
                response.read()
                raise problem_of(response)
            yield response

    def patiently(self, attempt: int, error: ApiError | httpx.TransportError) -> None:
        """Wait before the next attempt, or raise when the error does not pass or this was the last one."""
        if attempt >= self.retries.count or (isinstance(error, ApiError) and not _may_pass(error)):
            raise error if isinstance(error, ApiError) else _unreachable(error) from error
        retry_after_s = error.retry_after_s if isinstance(error, ApiError) else None
        time.sleep(self.retries.delay_s(attempt, retry_after_s))


def problem_of(response: httpx.Response) -> ApiError:
    """The error that an answer stands for; proxies answer without problem details."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    known = body if isinstance(body, dict) else {}
    return of_status(response.status_code)(response.status_code, known, retry_after_s(response))


def retry_after_s(response: httpx.Response) -> float | None:
    """Seconds that Retry-After asks for; it holds seconds or a date."""
    value = response.headers.get("Retry-After", "")
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _may_pass(problem: ApiError) -> bool:
    # `in_progress`: an earlier attempt, whose answer was lost, is still at work under this key.
    if problem.code in FINAL_CODES or (problem.retry_after_s or 0.0) > MAX_DELAY_S:
        return False
    return problem.code == "in_progress" or problem.status in (429, 503)


def _unreachable(error: httpx.TransportError) -> Unreachable:
    return Unreachable(
        "unreachable", f"The service does not answer: {type(error).__name__}.", "Is `perse serve` running?"
    )
