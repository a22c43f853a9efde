"""Whose face a picture shows, and that its use is agreed to."""

from __future__ import annotations

import re

from pydantic import ValidationError

from app.problems import Problem
from app.text import Strict

MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
"""How the pictures that are read begin: JPEG, PNG, WebP."""


class Consent(Strict):
    """Whose face it is, and that its use is agreed to."""

    version: str
    subject: str
    at: str | None = None


def read_consent(text: str) -> Consent:
    """Of a form's field; 422 when it is something else."""
    try:
        return Consent.model_validate_json(text)
    except ValidationError as error:
        raise Problem(
            "invalid_request", "The consent is not the JSON that is expected.",
            hint='Send consent={"version":"1","subject":"self"}.',
            errors=[{"pointer": "/consent", "detail": e["msg"], "code": e["type"]} for e in error.errors()],
        ) from error  # fmt: skip
