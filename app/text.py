"""Text that clients send: Postgres holds no NUL, nothing encodes half a surrogate pair, logs need no control codes."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control codes but tab and line ends, and surrogates."""


def is_printable(text: str) -> bool:
    """Whether it may go into the database."""
    return UNPRINTABLE.search(text) is None


class Strict(BaseModel):
    """The body of a request: unknown fields and unprintable text, at any depth, are refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def printable(cls, value: Any) -> Any:
        """Before anything is read."""
        waiting = [value]
        while waiting:
            match waiting.pop():
                case str(text) if not is_printable(text):
                    raise ValueError("text holds control characters or surrogates")
                case dict(entries):
                    waiting += [*entries, *entries.values()]
                case list(items):
                    waiting += items
        return value
