"""Everything that the client raises on purpose.

PerseError                   code, detail, hint
|-- ApiError                   the service answered with a problem; status, errors, request_id
|   |-- Unauthorized             401, 403
|   |-- NotFound                 404
|   |-- Conflict                 409
|   |-- RateLimited              429, after every retry; retry_after_s
|   |-- Refused                  any other 4xx: what was asked for cannot be
|   `-- ServerFailed             5xx
|-- JobEnded                   a job ended without success; job
|   |-- JobFailed
|   |-- JobCanceled
|   `-- JobExpired
|-- NotUnderstood              own words that no variant answers
|-- WaitTimeout                the job goes on
|-- Damaged                    a file is not what its SHA-256 says
|-- BadSignature               a webhook is not from who knows the secret
`-- Unreachable                no answer, after every retry
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.client.job import Job


class PerseError(Exception):
    """Base of the tree. `code` is stable, `detail` and `hint` are for people."""

    def __init__(self, code: str, detail: str, hint: str | None = None) -> None:
        super().__init__(code, detail, hint)
        self.code, self.detail, self.hint = code, detail, hint

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})" + (f"\n\nhint: {self.hint}" if self.hint else "")


class ApiError(PerseError):
    """The service answered with a problem."""

    def __init__(self, status: int, body: dict[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(
            str(body.get("code") or "unknown"), str(body.get("detail") or f"Status {status}."), body.get("hint")
        )
        self.status, self.retry_after_s = status, retry_after_s
        self.request_id: str | None = body.get("request_id")
        self.errors: Sequence[dict[str, Any]] = body.get("errors") or ()

    def __str__(self) -> str:
        fields = "".join(f"\n  {e.get('pointer')}: {e.get('detail')}" for e in self.errors)
        return super().__str__() + fields


class Unauthorized(ApiError):
    """The key is missing, wrong, or not allowed to do this."""


class NotFound(ApiError):
    """There is no such thing, or it belongs to another tenant."""


class Conflict(ApiError):
    """Not now: the avatar is not ready, or the job has ended."""


class RateLimited(ApiError):
    """Too many requests, or a quota is used up."""


class Refused(ApiError):
    """What was asked for cannot be."""


class ServerFailed(ApiError):
    """Something broke on the other side."""


class JobEnded(PerseError):
    """A job ended without success."""

    def __init__(self, job: Job) -> None:
        if job.error is None:
            super().__init__(job.status, f"The job was {job.status}.")
        else:
            super().__init__(job.error.code, job.error.detail, job.error.hint)
        self.job = job


class JobFailed(JobEnded):
    """It failed; `code`, `detail` and `hint` say why."""


class JobCanceled(JobEnded):
    """Somebody canceled it."""


class JobExpired(JobEnded):
    """It had not finished at its deadline."""


class NotUnderstood(PerseError):
    """Own words that no variant answers."""


class WaitTimeout(PerseError):
    """The wait is over; the job goes on."""


class Damaged(PerseError):
    """A file is not what its SHA-256 says, twice."""


class BadSignature(PerseError):
    """A webhook is not from who knows the secret, or an old one that is sent again by somebody else."""


class Unreachable(PerseError):
    """No answer, after every retry."""


def of_status(status: int) -> type[ApiError]:
    """The class for an answer's status."""
    known = {401: Unauthorized, 403: Unauthorized, 404: NotFound, 409: Conflict, 429: RateLimited}
    return known.get(status) or (Refused if status < 500 else ServerFailed)
