"""Build sizes and the limits within which an avatar looks right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """How much to build. Times on 2 CPU cores are in docs/benchmarks.md.

    Attributes:
        frames_per_clip: of the trajectory that all clips share, and of the source clip.
        variant_frames: of the trained ones a variant's clip shows so many, each variant others.
    """

    name: str
    size_px: int
    gaussians: int
    categories: tuple[str, ...]
    variants_per_category: int
    frames_per_clip: int
    variant_frames: int
    between_frames: int
    mix_clips: int
    train_steps: int


_EDITABLE = ("hair", "beard", "eyebrows", "nose", "mouth", "skin", "eyeglasses", "hat")
_ALL = (*_EDITABLE, "earrings", "headphones", "cloth")

PRESETS: dict[str, Preset] = {
    # A first look in seconds, and what tests build.
    "preview": Preset("preview", 128, 9_000, ("hair", "eyeglasses"), 1, 12, 12, 3, 1, 240),
    "draft": Preset("draft", 256, 45_000, _EDITABLE, 2, 40, 20, 6, 6, 800),
    "standard": Preset("standard", 512, 86_000, _ALL, 3, 40, 40, 6, 10, 3_200),
    "high": Preset("high", 1024, 150_000, _ALL, 8, 100, 100, 24, 16, 12_000),
}


def pose_limits_deg() -> dict[str, tuple[float, float]]:
    """Head or camera angles within which the procedural subject looks right, from looking at the sheets."""
    return {"yaw": (-35.0, 35.0), "pitch": (-20.0, 20.0), "roll": (-20.0, 20.0)}
