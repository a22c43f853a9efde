"""What drivers and captures look like over HTTP."""

from __future__ import annotations

from pydantic import Field

from app.answers import Answer


class DriverBody(Answer):
    """A face at rest, as others are compared with it. The service keeps nothing: send it back with each picture."""

    landmarks: list[tuple[float, float, float]] = Field(description="478 points in mm, in the head's own axes")
    lids: dict[str, float] = Field(description="how far each is open, in widths of the eye")
    iris: tuple[float, float] = Field(description="where the irises are, in widths of the eye")
    pitch_deg: float
    rest: dict[str, float] = Field(description="weights that the face seems to have most of the time")


class SeenGaze(Answer):
    """Relative to the head."""

    yaw_deg: float
    pitch_deg: float


class SeenPose(Answer):
    """As of a render."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    gaze: SeenGaze


class CaptureBody(Answer):
    """What the face on one picture does."""

    is_seen: bool = Field(description="false: there is no face on the picture, and nothing else is told")
    confidence: float = Field(description="0..1, less the further the face is turned")
    pose: SeenPose | None
    expression: dict[str, float] = Field(description="ARKit names to weights 0..1; names that are absent weigh 0")
