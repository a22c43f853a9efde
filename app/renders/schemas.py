"""What a render takes over HTTP: camera, pose, expression, background."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from app.settings import RENDER_CEILING_PX
from app.text import Strict
from perse_engine.vocabulary import ARKIT_NAMES


def _known(value: dict[str, float]) -> dict[str, float]:
    unknown = [n for n in value if n not in ARKIT_NAMES]
    if unknown:
        raise ValueError(f"no such expression: {', '.join(unknown)}")
    return value


def _three_numbers(value: list[float] | str) -> list[float] | str:
    if isinstance(value, list) and len(value) != 3:
        raise ValueError("a background is three numbers 0..1, or 'transparent'")
    return value


Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weights = Annotated[dict[str, Unit], AfterValidator(_known)]
"""ARKit names only."""
Background = Annotated[list[Unit] | Literal["transparent"], AfterValidator(_three_numbers)]
"""RGB 0..1, or transparent."""


class CameraBody(Strict):
    """Where the camera stands; +yaw moves it towards the subject's left, +pitch up."""

    yaw_deg: float = Field(0, ge=-180, le=180)
    pitch_deg: float = Field(0, ge=-85, le=85)
    distance: float = Field(1.0, ge=0.3, le=10, description="metres")
    fov_deg: float = Field(18.0, ge=2, le=100)


class GazeBody(Strict):
    """Where the eyes look, relative to the head."""

    yaw_deg: float = Field(0, ge=-45, le=45)
    pitch_deg: float = Field(0, ge=-35, le=35)


class PoseBody(Strict):
    """Head pose."""

    yaw_deg: float = Field(0, ge=-90, le=90)
    pitch_deg: float = Field(0, ge=-60, le=60)
    roll_deg: float = Field(0, ge=-60, le=60)
    gaze: GazeBody = Field(default_factory=GazeBody)


class RenderBody(Strict):
    """What to render."""

    camera: CameraBody = Field(default_factory=CameraBody)
    pose: PoseBody = Field(default_factory=PoseBody)
    expression: Weights = Field(default_factory=dict)
    look: dict[str, dict[str, Any]] | str = Field(default_factory=dict)
    width_px: int = Field(512, ge=16, le=RENDER_CEILING_PX)
    height_px: int = Field(512, ge=16, le=RENDER_CEILING_PX)
    background: Background = Field(default_factory=lambda: [0.82, 0.84, 0.86])
    light: Unit = Field(0.0, description="share of the photo's light; 0 is even light")
    format: Literal["png", "jpeg", "webp"] = "png"
