"""/v1/drivers and /v1/captures: a face before somebody's camera, followed picture by picture. Nothing is stored."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from app.auth import CurrentTenant
from app.captures.schemas import CaptureBody, DriverBody
from app.engine_client import EngineFailure
from app.portraits.consent import MAGIC, read_consent
from app.problems import Problem, documented
from app.state import AppState, State

router = APIRouter(prefix="/v1", tags=["captures"])

MAX_PICTURES = 30
MAX_PICTURE_BYTES = 500_000
MAX_DRIVER_BYTES = 100_000
PROBLEMS = (
    "too_large", "unsupported_media_type", "undecodable", "too_small", "engine_crashed", "engine_timeout",
    "backend_missing",
)  # fmt: skip


@router.post("/drivers", response_model=DriverBody, responses=documented(*PROBLEMS, "no_face"))
def meet_driver(
    tenant: CurrentTenant, state: AppState,
    pictures: Annotated[
        list[UploadFile],
        File(max_length=MAX_PICTURES, description="JPEG, PNG or WebP, of a second or so in which the face is at rest"),
    ],
    consent: Annotated[str, Form(description='JSON: {"version": "1", "subject": "self" or "authorised"}')],
) -> dict[str, Any]:  # fmt: skip
    """Learn a face that is about to drive an avatar. The answer says how to read its movements, and goes with each
    picture to `POST /v1/captures`; neither pictures nor answer are kept."""
    _check_configured(state)
    read_consent(consent)
    data = [_picture(one) for one in pictures]
    try:
        return state.engine.meet(data)
    except EngineFailure as failure:
        raise Problem(failure.code, failure.detail, failure.hint) from failure


@router.post("/captures", response_model=CaptureBody, responses=documented(*PROBLEMS, "invalid_value"))
def capture(
    tenant: CurrentTenant, state: AppState,
    picture: Annotated[UploadFile, File(description="JPEG, PNG or WebP, at most 500 kB")],
    driver: Annotated[str, Form(description="JSON: what POST /v1/drivers answered")],
) -> dict[str, Any]:  # fmt: skip
    """What the driver's face does on one picture: head, gaze and expression, as renders take them."""
    _check_configured(state)
    if len(driver) > MAX_DRIVER_BYTES:
        raise Problem("too_large", f"A driver has at most {MAX_DRIVER_BYTES} bytes.")
    try:
        met = json.loads(driver)
    except ValueError as error:
        raise Problem("invalid_value", "The driver is no JSON.", "Send what POST /v1/drivers answered.") from error
    if not isinstance(met, dict):
        raise Problem("invalid_value", "The driver is no object.", "Send what POST /v1/drivers answered.")
    try:
        return state.engine.follow(met, _picture(picture))
    except EngineFailure as failure:
        raise Problem(failure.code, failure.detail, failure.hint) from failure


def _check_configured(state: State) -> None:
    if not state.settings.live_capture:
        raise Problem(
            "backend_missing", "This service does not follow faces live.",
            "Its operator can set PERSE_LIVE_CAPTURE=true; a recorded video can drive an animation meanwhile.",
        )  # fmt: skip


def _picture(file: UploadFile) -> bytes:
    data = file.file.read(MAX_PICTURE_BYTES + 1)
    if len(data) > MAX_PICTURE_BYTES:
        raise Problem("too_large", f"A picture of a camera has at most {MAX_PICTURE_BYTES} bytes.")
    if not MAGIC.match(data):
        raise Problem("unsupported_media_type", "The picture is no JPEG, PNG or WebP.")
    return data
