"""What animations look like over HTTP."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, model_validator

from app.answers import Answer
from app.renders.schemas import Background, CameraBody, PoseBody, Weights
from app.settings import RENDER_CEILING_PX
from app.text import Strict

Clip = Literal["idle", "nod", "swing", "talk"]
Format = Literal["mp4", "webm", "png"]
Look = dict[str, dict[str, Any]] | str
MAX_KEYFRAMES = 1_000
MAX_FRAMES = 36_000
SMALLEST_PX = 64
FPS = (25, 60)


class KeyframeBody(Strict):
    """A moment; between two of them everything moves smoothly and never beyond either."""

    time_s: float = Field(ge=0, le=600)
    pose: PoseBody = Field(default_factory=PoseBody)
    expression: Weights = Field(default_factory=dict)


class LookKeyBody(Strict):
    """The look at a time; between two the weights change linearly."""

    time_s: float = Field(ge=0, le=600)
    look: Look


class AnimationBody(Strict):
    """What to animate, and how it is seen.

    The movement comes from one of `clip`, `keyframes` and `motion`, or from a file beside it (multipart).
    """

    clip: Clip | None = Field(None, description="alone, or beneath a voice")
    seconds: float | None = Field(None, gt=0, le=600, description="of a clip; 6 when absent")
    seed: int = Field(0, ge=0, lt=2**32, description="of a clip: another number, other blinks and words")
    keyframes: list[KeyframeBody] | None = Field(None, min_length=1, max_length=MAX_KEYFRAMES)
    motion: dict[str, Any] | list[dict[str, Any]] | None = Field(
        None, description="motion.json, or a list of ARKit weights, one object a frame (docs/reference/motion.md)"
    )
    motion_fps: float | None = Field(None, ge=1, le=240, description="of a list or CSV that does not say its own")
    look: Look = Field(default_factory=dict, description="worn where neither looks nor the motion say another")
    looks: list[LookKeyBody] = Field(default_factory=list, max_length=1_000, description="the look over time")
    camera: CameraBody = Field(default_factory=CameraBody)
    fps: int = Field(25, ge=FPS[0], le=FPS[1])
    width_px: int = Field(512, ge=SMALLEST_PX, le=RENDER_CEILING_PX)
    height_px: int = Field(512, ge=SMALLEST_PX, le=RENDER_CEILING_PX)
    background: Background | None = Field(None, description="null: transparent, but for mp4, which is light grey")
    format: Format = Field("mp4", description="mp4: H.264; webm: VP9; png: a zip file of pictures, without sound")

    @model_validator(mode="after")
    def fitting(self) -> AnimationBody:
        """What says two things, or something that the format has not, is refused."""
        if sum(source is not None for source in (self.keyframes, self.motion)) > 1:
            raise ValueError("the movement has one source: keyframes or motion")
        if self.clip is not None and (self.keyframes is not None or self.motion is not None):
            raise ValueError("a clip stands alone or beneath a voice")
        if self.keyframes and any(a.time_s >= b.time_s for a, b in pairwise(self.keyframes)):
            raise ValueError("the keyframes' times must grow")
        if any(a.time_s >= b.time_s for a, b in pairwise(self.looks)):
            raise ValueError("the looks' times must grow")
        if self.format != "png" and (self.width_px % 2 or self.height_px % 2):
            raise ValueError("videos need even sizes")
        if self.format == "mp4" and self.background == "transparent":
            raise ValueError("an mp4 cannot be transparent; ask for webm or png")
        return self


class MadeFile(Answer):
    """One of the artifacts that a job made."""

    artifact_id: str
    name: str
    content: str = Field(description="where it is")


class AnimationResult(Answer):
    """Of `animate`: the video and the motion that it shows, with each frame's expression."""

    avatar_id: str
    version: int = Field(description="of the avatar that was animated")
    files: list[MadeFile]
    frames: int
    fps: int
    bridged_frames: int = Field(description="in which the driving video shows no face")
    has_sound: bool
