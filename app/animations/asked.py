"""The request of an animation: JSON alone, or JSON beside files in multipart. Files are looked at by their first bytes
only; whoever decodes them is a child process of a worker."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from app.animations.schemas import AnimationBody
from app.problems import Problem
from app.state import state_of

SOUND = rb"RIFF....WAVE|ID3|\xff[\xe0-\xff]|fLaC|OggS|....ftyp|\x1a\x45\xdf\xa3"
VIDEO = rb"....(ftyp|moov|mdat|wide|free)|\x1a\x45\xdf\xa3|RIFF....AVI |\x47...|\x00\x00\x01\xba"
MAGIC: Mapping[str, tuple[re.Pattern[bytes], str]] = {
    "video": (re.compile(VIDEO, re.DOTALL), "MP4, MOV, WebM, MKV or AVI"),
    "voice": (re.compile(SOUND, re.DOTALL), "WAV, MP3, M4A, FLAC or OGG"),
    "audio": (re.compile(SOUND, re.DOTALL), "WAV, MP3, M4A, FLAC or OGG"),
    "motion": (re.compile(rb"(\xef\xbb\xbf)?\s*([\[{]|Timecode)"), "motion.json or Live Link Face's CSV"),
}
SOURCES = ("video", "voice", "motion")
OPTIONS = "options"


@dataclass(frozen=True)
class Asked:
    """The options, and the files by the name of their part."""

    body: AnimationBody
    files: Mapping[str, bytes] = field(default_factory=dict)

    def uploads(self) -> dict[str, bytes]:
        """What is stored for the job: the files, and a motion that came in the options."""
        motion = self.body.motion
        inline = {} if motion is None else {"motion": json.dumps(motion).encode()}
        return {**self.files, **inline}

    def fingerprint(self) -> bytes:
        """For an Idempotency-Key."""
        digests = "".join(f"{name}:{hashlib.sha256(data).hexdigest()};" for name, data in sorted(self.files.items()))
        return digests.encode() + self.body.model_dump_json().encode()


async def read_asked(request: Request) -> Asked:
    """Read either kind of body.

    Raises:
        Problem: another media type, a file that is too large or of another kind, no source of movement or two.
        RequestValidationError: options that do not fit the contract.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked = Asked(_options(await request.body()))
    elif kind == "multipart/form-data":
        async with request.form(max_files=len(MAGIC), max_fields=1) as form:
            asked = await _of_form(form, state_of(request).settings.max_upload_bytes)
    else:
        raise Problem("unsupported_media_type", "An animation is asked for in JSON, or in multipart with files.")
    _check_sources(asked)
    return asked


async def _of_form(form: FormData, limit: int) -> Asked:
    unknown = sorted(set(form) - {*MAGIC, OPTIONS})
    if unknown or len(form.multi_items()) != len(set(form)):
        what = f"unknown: {unknown[0][:40]!r}" if unknown else "there twice"
        hint = f"Parts are {OPTIONS}, {', '.join(MAGIC)}."
        raise Problem("invalid_request", f"A part of the multipart body is {what}.", hint)
    options = form.get(OPTIONS, "{}")
    if isinstance(options, UploadFile):
        options = (await options.read(limit)).decode("utf-8", "replace")
    files = {}
    for name, part in form.items():
        if name == OPTIONS:
            continue
        if not isinstance(part, UploadFile):
            raise Problem("invalid_request", f"The part {name} is no file.", hint="Send it with a file name.")
        data = await part.read(limit + 1)
        pattern, wanted = MAGIC[name]
        if len(data) > limit:
            raise Problem("too_large", f"The file has more than {limit} bytes.")
        if not pattern.match(data):
            raise Problem(
                "unsupported_media_type", f"The part {name} is of a kind that is not read.", f"Send {wanted}."
            )
        files[name] = data
    return Asked(_options(options), files)


def _options(text: str | bytes) -> AnimationBody:
    try:
        return AnimationBody.model_validate_json(text or "{}")
    except ValidationError as error:
        found: list[Any] = [e | {"loc": ("body", *e["loc"])} for e in error.errors(include_context=False)]
        raise RequestValidationError(found) from error


def _check_sources(asked: Asked) -> None:
    body = asked.body
    files = [name for name in SOURCES if name in asked.files]
    inline = [name for name in ("keyframes", "motion") if getattr(body, name) is not None]
    lone_clip = ["clip"] if body.clip is not None and files != ["voice"] else []
    named = files + inline + lone_clip
    if len(named) != 1:
        told = f"comes from {' and '.join(named)}" if named else "has no source"
        hint = "Name one: clip, keyframes, motion, or a file video, voice or motion. A clip may lie beneath a voice."
        raise Problem("invalid_request", f"The movement {told}.", hint)
    if body.seconds is not None and named != ["clip"]:
        raise Problem("invalid_value", "`seconds` is the length of a clip; other movements have their own.")
    if body.motion_fps is not None and "motion" not in named:
        raise Problem("invalid_value", "`motion_fps` is the rate of a motion.")
    if "audio" in asked.files and body.format == "png":
        raise Problem("invalid_value", "Pictures hold no sound.", hint="Ask for mp4 or webm.")


AskedBody = Annotated[Asked, Depends(read_asked)]

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/AnimationBody"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "at most one of video, voice and motion",
                "properties": {
                    OPTIONS: {"type": "string", "description": "AnimationBody as JSON text"},
                    **{
                        name: {"type": "string", "format": "binary", "description": wanted}
                        for name, (_, wanted) in MAGIC.items()
                    },
                },
            }
        },
    },
}
"""For the OpenAPI document, which knows nothing of a body that is read by hand."""
