"""What portraits look like over HTTP."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.answers import Answer


class FaceBoxBody(Answer):
    """Face rectangle on the portrait, from the upper left corner."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float


class HeadPoseBody(Answer):
    """How the head stands on the photo."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


class WarningBody(Answer):
    """Something that will make the avatar worse."""

    code: str
    message: str


class ConsentBody(Answer):
    """What was agreed to with the upload."""

    version: str
    subject: str
    at: str | None = None


class PortraitLinks(Answer):
    """Where its parts are."""

    self: str
    image: str


class PortraitBody(Answer):
    """An uploaded photo and what was found on it."""

    id: str
    width_px: int
    height_px: int
    face: FaceBoxBody
    pose: HeadPoseBody
    warnings: list[WarningBody]
    confidence: float | None = Field(None, description="0..1: how far the analysis is to be trusted")
    consent: ConsentBody
    created_at: datetime
    links: PortraitLinks
