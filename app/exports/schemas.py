"""What exports look like over HTTP."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from app.answers import Answer
from app.renders.schemas import PoseBody, Weights
from app.text import Strict

Format = Literal["ply", "spz", "splat", "glb", "bundle"]
Content = Literal["gaussians", "rig", "both", "mesh"]


class ExportBody(Strict):
    """What to write. A bundle holds every look, pose and expression, and takes none."""

    format: Format
    look: dict[str, dict[str, Any]] | str = Field(default_factory=dict)
    pose: PoseBody = Field(default_factory=PoseBody)
    expression: Weights = Field(default_factory=dict)
    content: Content = Field(
        "gaussians",
        description="of a glb: Gaussians; the source look's rig with skin and morph targets; both; its mesh, posed",
    )
    y_down: bool = Field(False, description="of ply and splat: turned by 180 degrees about z, for viewers with y down")
    spz_version: Literal[2, 3] = 3

    @model_validator(mode="after")
    def fitting(self) -> ExportBody:
        """What another format has is refused rather than passed over."""
        if self.content != "gaussians" and self.format != "glb":
            raise ValueError(f"only a glb holds a {self.content}")
        if self.y_down and self.format not in ("ply", "splat"):
            raise ValueError("y_down is for ply and splat; the other formats say y up")
        if self.format == "bundle" and (self.look or self.expression or self.pose != PoseBody()):
            raise ValueError("a bundle holds every look, pose and expression; it takes none")
        return self


class FrameBody(Answer):
    """The frame of a file: its axes, units and how it writes numbers."""

    handedness: str
    up: str = Field(examples=["+y"])
    face: str = Field(description="where the face looks", examples=["+z"])
    subject_left: str = Field(examples=["+x"])
    origin: str
    units: str
    colours: str
    quaternions: str | None = Field(None, description="order of components; null where the file holds no Gaussians")
    scales: str | None = None
    opacities: str | None = None


class ExportResult(Answer):
    """Of `export`."""

    avatar_id: str
    version: int = Field(description="of the avatar that was exported")
    artifact_id: str
    content: str = Field(description="where the file is")
    frame: FrameBody
