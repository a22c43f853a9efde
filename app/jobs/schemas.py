"""What jobs look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.animations.schemas import AnimationResult
from app.answers import Answer
from app.exports.schemas import ExportResult

JobKind = Literal["create_avatar", "add_variant", "remove_variant", "delete_avatar", "render", "export", "animate"]
JobStatus = Literal["queued", "running", "canceling", "succeeded", "failed", "canceled", "expired"]


class ProgressBody(Answer):
    """How far a job is."""

    fraction: float | None = None
    stage: str | None = None
    step: int | None = None
    total_steps: int | None = None
    eta_s: float | None = None


class JobProblem(Answer):
    """Why a job failed, in the words of problem responses."""

    type: str
    title: str
    status: int | None = None
    code: str
    detail: str
    hint: str | None = None


class BuildResult(Answer):
    """Of `create_avatar`."""

    avatar_id: str
    artifacts: list[str] = Field(description="file names")


class EraseResult(Answer):
    """Of `delete_avatar`: what is left is nothing."""

    erased_objects: int
    objects_left: int


class RenderResult(Answer):
    """Of `render`."""

    artifact_id: str
    content: str = Field(description="where the picture is")


class VariantResult(Answer):
    """Of `add_variant` and `remove_variant`."""

    avatar_id: str
    version: int = Field(description="the avatar's version from now on")
    category: str
    variant: str = Field(description="looks name it by this")
    measured: dict[str, float] | None = Field(None, description="as in the avatar's `added`; null of `remove_variant`")


JobResult = BuildResult | EraseResult | RenderResult | VariantResult | ExportResult | AnimationResult


class PartsBody(Answer):
    """Of a job that has fanned out, over several workers where there are."""

    total: int
    done: int


class JobLinks(Answer):
    """Where its parts are."""

    self: str
    events: str
    cancel: str
    avatar: str | None = None
    preview: str | None = Field(
        None,
        description="the newest picture of the avatar that is being trained, WebP; null while there is none. "
        "A newer picture has another address.",
    )


class JobBody(Answer):
    """Work that goes on after its request was answered."""

    id: str
    kind: JobKind
    status: JobStatus
    status_sequence: int = Field(description="grows with every change of status")
    stage: str | None
    progress: ProgressBody
    parts: PartsBody | None = Field(description="null of a job that has not fanned out")
    attempt: int
    max_attempts: int
    queue_position: int | None = Field(description="how many wait before it; null unless queued, and in lists")
    error: JobProblem | None
    result: JobResult | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    deadline_at: datetime | None
    finished_at: datetime | None
    links: JobLinks


class QueuedBody(Answer):
    """The job that a request made."""

    job: JobBody
