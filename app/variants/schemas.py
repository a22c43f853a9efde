"""What added variants look like over HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.answers import Answer

Method = Literal["adapter", "inversion", "zero_shot"]


class AddedBody(Answer):
    """A variant that was added to a ready avatar."""

    category: str
    id: str = Field(description="looks name it by this")
    prompt: str
    method: Method
    gaussians: int = Field(description="how many it appended; older looks do not show them")
    measured: dict[str, float] = Field(
        description="seconds; region_psnr_db where it changes the picture, on frames that were not trained; "
        "old_psnr_db of older looks against what they were; confidence of zero_shot"
    )
