"""What avatars, codes and looks look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.answers import Answer
from app.avatars.choices import FrameLimits, PictureLimits
from app.jobs.schemas import JobBody
from app.variants.schemas import AddedBody
from app.webhooks.schemas import NewEndpointBody

AvatarStatus = Literal["building", "ready", "failed", "deleting"]


class ModelsBody(Answer):
    """The pretrained models that a request chose; the first choice of its kind where one is null."""

    editor_model: str | None = None
    animator_model: str | None = None
    interpolator: str
    interpolator_model: str | None = None
    spacing_model: str | None = None
    encoder_model: str | None = None
    attempts: int
    acceptance: dict[str, float | None] = Field(
        default_factory=lambda: PictureLimits().model_dump(), description="limits on pictures; null is off"
    )
    frames: dict[str, float | None] = Field(
        default_factory=lambda: FrameLimits().model_dump(), description="limits on frames of videos; null is off"
    )
    memory: str = Field(description="how models are loaded")


class RecipeBody(Answer):
    """What the avatar is built from."""

    preset: str
    categories: list[str] | None
    variants: list[tuple[str, str]] = Field(description="(category, variant id), beside the preset's own")
    seed: int
    editor: str = Field("procedural", description="who makes the variants")
    animator: str = Field("rig", description="who makes the clips")
    rig: str = Field("landmarks", description="what gives the head its depth and motions")
    learned: ModelsBody | None = Field(None, description="null where neither takes models")


class AvatarLinks(Answer):
    """Where its parts are."""

    self: str
    renders: str
    animations: str
    exports: str
    latents: str
    looks: str
    variants: str
    artifacts: str


class AvatarBody(Answer):
    """An avatar; what only a ready one can tell is null before."""

    id: str
    name: str | None
    status: AvatarStatus
    version: int
    portrait_id: str
    recipe: RecipeBody
    variants: dict[str, list[str]] | None = Field(None, description="category -> variant ids that looks may name")
    added: list[AddedBody] | None = Field(None, description="those of the variants that were added when it was ready")
    expressions: list[str] | None = None
    pose_limits_deg: dict[str, tuple[float, float]] | None = Field(None, description="within these it looks right")
    backends: dict[str, str] | None = None
    rejected: list[str] | None = Field(
        None, description="variants that no model made well enough, and why; the avatar goes without them"
    )
    gaussians: int | None = None
    metrics: dict[str, Any] | None = None
    metadata: dict[str, str]
    created_at: datetime
    ready_at: datetime | None
    links: AvatarLinks


class CreatedBody(Answer):
    """The avatar, which is building, and the job that builds it."""

    avatar: AvatarBody
    job: JobBody
    webhook: NewEndpointBody | None = Field(description="of `webhook_url`: with the secret, which is not shown again")


class CodesBody(Answer):
    """The codes of one category."""

    source: list[float] | None
    variants: dict[str, list[float]]


class LatentsBody(Answer):
    """Every category's codes."""

    dimension: int
    categories: dict[str, CodesBody]


class SavedLook(Answer):
    """A look under its name."""

    name: str
    look: dict[str, dict[str, float | list[float]]] = Field(
        description="category -> {variant id: weight} or {code: numbers}"
    )
